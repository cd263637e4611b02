/** The boot's tag: the same for every process of one boot, new for each process where nobody tells. */

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { test } from "node:test";
import { bootTagBytes, readBootTag } from "./boot.node.ts";

const ask = `import { readBootTag } from ${JSON.stringify(path.join(import.meta.dirname, "boot.node.ts"))};
  process.stdout.write(Buffer.from(readBootTag(process.argv[1])).toString("hex"));`;

function ofAnotherProcess(source: string): string {
  return execFileSync(process.execPath, ["--input-type=module", "-e", ask, source], { encoding: "utf8" });
}

test("the tag is the head of the boot id's digest, for every process", (t) => {
  const source = path.join(os.tmpdir(), `darner-boot-${process.pid}`);
  t.after(() => fs.rmSync(source));
  fs.writeFileSync(source, "0e9bd4f5-9e71-4b5c-8a0c-3f1f2f3c0f5d\n");
  const expected = createHash("sha256").update("0e9bd4f5-9e71-4b5c-8a0c-3f1f2f3c0f5d").digest("hex").slice(0, 16);
  assert.equal(Buffer.from(readBootTag(source)).toString("hex"), expected);
  assert.equal(ofAnotherProcess(source), expected);
});

test("without a boot id the tag holds for this process alone", () => {
  const nowhere = path.join(os.tmpdir(), "darner-no-such-boot-id");
  assert.equal(readBootTag(nowhere).length, bootTagBytes);
  assert.deepEqual(readBootTag(nowhere), readBootTag(nowhere));
  assert.notEqual(ofAnotherProcess(nowhere), Buffer.from(readBootTag(nowhere)).toString("hex"));
});
