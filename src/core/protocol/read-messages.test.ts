/** Messages from outside come out whole or not at all. */

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { readHostMessage, readManagerMessage } from "./read-messages.ts";

const report = {
  kind: "report",
  task: "t",
  generation: "g",
  news: [1, 2],
  held: 2,
  downBytesPerSecond: 5,
  upBytesPerSecond: 0,
  starving: false,
  state: "downloading",
};

test("a whole message passes, with fields that this version does not know", () => {
  assert.deepEqual(readHostMessage({ ...report, later: 1 }), { ...report, later: 1 });
});

test("a kind of a newer version is unknown, not malformed", () => {
  assert.equal(readHostMessage({ kind: "sing", loud: true }), "unknown");
  assert.equal(readManagerMessage({ kind: "report" }), "unknown");
});

test("every field of the wrong type is refused", () => {
  for (const field of Object.keys(report)) {
    for (const wrong of [undefined, null, {}, -1, 0.5, "x".repeat(70_000), [-1], [0.5], [null]]) {
      if (field === "kind") continue;
      const read = readHostMessage({ ...report, [field]: wrong });
      assert.equal(read, "malformed", `${field} = ${JSON.stringify(wrong)?.slice(0, 40)}`);
    }
  }
});

test("names of the language are no kinds", () => {
  for (const kind of ["constructor", "__proto__", "toString"]) assert.equal(readHostMessage({ kind }), "unknown");
});

test("no JSON makes the readers throw", () => {
  fc.assert(
    fc.property(
      fc.jsonValue(),
      fc.constantFrom("hello", "ask", "report", "head", "parents", "failed"),
      (value, kind) => {
        const dressed = typeof value === "object" && value !== null ? { ...(value as object), kind } : value;
        readHostMessage(dressed);
        readManagerMessage(dressed);
      },
    ),
  );
});
