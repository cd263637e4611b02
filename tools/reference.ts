/**
 * Writes docs/reference from the code: `node tools/reference.ts`. With `--check` it writes nothing
 * and fails when a page is not current, as its test does.
 */

import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { referencePages } from "./reference/pages.ts";

const folder = join(dirname(import.meta.dirname), "docs", "reference");
const isCheck = process.argv.includes("--check");
mkdirSync(folder, { recursive: true });
for (const [name, text] of Object.entries(referencePages())) {
  const path = join(folder, name);
  if (!isCheck) writeFileSync(path, text);
  else if (readFileSync(path, "utf8") !== text) {
    console.error(`docs/reference/${name} is not current: run node tools/reference.ts`);
    process.exitCode = 1;
  }
}
