/** A stream never shows the end of what is not proved, and takes nothing back. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { StreamContent } from "./stream-output.ts";

function stream(): { content: StreamContent; given: () => string } {
  let given = "";
  const content = new StreamContent(
    {
      write(bytes) {
        given += Buffer.from(bytes).toString();
        return Promise.resolve();
      },
      close: () => Promise.resolve(),
    },
    "a pipe",
  );
  return { content, given: () => given };
}

const piece = (text: string): Uint8Array => Buffer.from(text);

test("the newest piece waits for the next one, the last for the proof", async () => {
  const { content, given } = stream();
  const reused = Buffer.from("ab");
  await content.write(reused, 0);
  reused.fill("x");
  assert.equal(given(), "");
  await content.write(piece("cd"), 2);
  assert.equal(given(), "ab");
  await content.release();
  assert.equal(given(), "abcd");
});

test("a version that changes before anything was given on starts again", async () => {
  const { content, given } = stream();
  await content.write(piece("old"), 0);
  await content.truncate();
  await content.write(piece("new"), 0);
  await content.release();
  assert.equal(given(), "new");
});

test("a version that changes later ends the stream", async () => {
  const { content, given } = stream();
  await content.write(piece("o"), 0);
  await content.write(piece("l"), 1);
  await content.truncate();
  await assert.rejects(content.write(piece("n"), 0), { code: "origin.changed" });
  assert.equal(given(), "o");
});
