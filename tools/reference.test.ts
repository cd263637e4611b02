/** The reference pages say what the code says. */

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { referencePages } from "./reference/pages.ts";

const root = dirname(import.meta.dirname);

for (const [name, text] of Object.entries(referencePages())) {
  test(`docs/reference/${name} is current`, () => {
    const written = readFileSync(join(root, "docs", "reference", name), "utf8");
    assert.equal(written, text, "run node tools/reference.ts");
  });
}

test("exit statuses are distinct and below 126", () => {
  const statuses = [...referencePages()["errors.md"]!.matchAll(/^\| (\d+) \|/gm)].map((match) => Number(match[1]));
  assert.ok(statuses.length > 40);
  assert.equal(new Set(statuses).size, statuses.length);
  assert.ok(statuses.every((status) => status > 0 && status < 126));
});
