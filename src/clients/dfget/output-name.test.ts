/** What a URL saves under, and what the hidden files are called. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { nameFromUrl, partialPaths } from "./output-name.ts";

const nameOf = (url: string): string => nameFromUrl(new URL(url));

test("a URL saves under its last segment, decoded where that is safe", () => {
  assert.equal(nameOf("https://h/a/b.tar.gz?sig=1#x"), "b.tar.gz");
  assert.equal(nameOf("https://h/a/b%20c.txt"), "b c.txt");
  assert.equal(nameOf("https://h/a/%C3%A9"), "é");
  assert.equal(nameOf("https://h"), "index.html");
  assert.equal(nameOf("https://h/a/"), "index.html");
  assert.equal(nameOf("https://h/a/%ff"), "%ff");
});

test("no URL names a file in another folder, or one that a terminal would misread", () => {
  for (const segment of ["..%2f..%2fetc%2fpasswd", "a%2Fb", "a%00b", "a%1b%5b2Jb", "a%5Cb", "a%0Ab", "%E2%80%AEx"]) {
    assert.equal(nameOf(`https://h/${segment}`), segment);
  }
  assert.equal(nameOf("https://h/%2e%2e"), "index.html");
});

test("a name is never longer than a file system takes, and two long ones stay apart", () => {
  const long = "é".repeat(300);
  const names = [nameOf(`https://h/${long}a`), nameOf(`https://h/${long}b`)];
  assert.notEqual(names[0], names[1]);
  for (const name of names) {
    assert.ok(Buffer.byteLength(name) <= 255);
    const { part, journal } = partialPaths(`dir/${"n".repeat(240)}${name.slice(0, 7)}`);
    assert.ok(Buffer.byteLength(part.slice(4)) <= 255 && Buffer.byteLength(journal.slice(4)) <= 255);
  }
});

test("the hidden files lie beside the output", () => {
  assert.deepEqual(partialPaths("a/b"), { part: "a/.b.darner-part", journal: "a/.b.darner-journal" });
  assert.deepEqual(partialPaths("/b"), { part: "/.b.darner-part", journal: "/.b.darner-journal" });
  assert.deepEqual(partialPaths("b"), { part: ".b.darner-part", journal: ".b.darner-journal" });
});
