/** A role's key on a disk that is full, or was when it was to be written. */

import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { openDataDirectory } from "./ground.ts";
import { writeWholeFile } from "./whole-file.ts";

function folderOf(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), "darner-whole-"));
  t.after(() => rmSync(folder, { recursive: true }));
  return folder;
}

test("a file is replaced as a whole, and only its owner reads it", (t) => {
  const path = join(folderOf(t), "key.pem");
  writeFileSync(path, "the old key");
  // What a start left behind that was killed.
  writeFileSync(`${path}.new`, "half of a");
  writeWholeFile(path, "the new key");
  assert.equal(readFileSync(path, "utf8"), "the new key");
  assert.equal(statSync(path).mode & 0o777, 0o600);
});

test("what cannot be written leaves the old one, and nothing beside it", (t) => {
  const folder = folderOf(t);
  // Nothing can be renamed over a folder.
  mkdirSync(join(folder, "key.pem", "x"), { recursive: true });
  assert.throws(() => writeWholeFile(join(folder, "key.pem"), "key"), { code: "output.not-writable" });
  assert.deepEqual(readdirSync(folder), ["key.pem"]);
});

test("a role keeps its key from start to start", (t) => {
  const folder = folderOf(t);
  const first = openDataDirectory(folder, "daemon");
  first.release();
  const second = openDataDirectory(folder, "daemon");
  second.release();
  assert.equal(second.key.id, first.key.id);
});
