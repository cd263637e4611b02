/** The demo's picture fits its terminal. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { noPaint, pictureLines, terminalPaint, type Picture } from "./demo/table.ts";

const host = { name: "host 12", originBytes: 99.9e6, peerBytes: 99.9e6, bytesPerSecond: 24.9e6, doneMs: undefined };
const picture: Picture = {
  sizeBytes: 199.8e6,
  elapsedMs: 4000,
  originBytes: 99.9e6,
  originBytesPerSecond: 24.9e6,
  originLimitBytesPerSecond: 25e6,
  managerBytes: 99.9e6,
  hosts: [host, { ...host, originBytes: 0, doneMs: 64_000 }, { ...host, peerBytes: 0, bytesPerSecond: 0 }],
};

test("no line is as wide as its terminal, so that the next picture lies over this one", () => {
  for (let columns = 48; columns <= 160; columns++) {
    for (const line of pictureLines(picture, columns, noPaint)) {
      assert.ok(line.length < columns, `${line.length} of ${columns} columns: ${line}`);
    }
  }
});

test("colours change nothing but colours", () => {
  // eslint-disable-next-line no-control-regex -- the escape sequences are what is taken away
  const plain = pictureLines(picture, 100, terminalPaint).map((line) => line.replaceAll(/\u001b\[\d*m/g, ""));
  assert.deepEqual(plain, pictureLines(picture, 100, noPaint));
});
