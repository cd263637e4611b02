/** What one parent owes, and how its pace is measured. */

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Rows } from "#base/mod.ts";
import { Parent, parentRowNumbers } from "./parent.ts";

const guessMs = 500;
const newParent = (): Parent =>
  new Parent({ id: "a", address: "", port: 0, seed: false }, 0, new Rows(parentRowNumbers));

describe("a parent", () => {
  test("before its first piece it is as fast as anybody guesses; while it owes and sends nothing it gets slower", () => {
    const parent = newParent();
    assert.equal(parent.intervalMs(10_000, guessMs), guessMs);
    parent.standing.push(1);
    parent.asked(10_000);
    assert.equal(parent.intervalMs(10_100, guessMs), guessMs);
    assert.equal(parent.intervalMs(13_000, guessMs), 3_000);
    assert.ok(parent.waitMs(13_000, guessMs) > parent.intervalMs(13_000, guessMs));
  });

  test("its pace is the time between pieces while something stood with it; idle time does not count", () => {
    const parent = newParent();
    for (let at = 0; at < 1_000_000; at += 10_000) {
      parent.asked(at);
      parent.delivered(at + 50);
    }
    assert.equal(parent.intervalMs(2_000_000, guessMs), 50);
  });

  test("a parent that gets faster is believed after a few pieces", () => {
    const parent = newParent();
    parent.standing.push(1);
    parent.asked(0);
    parent.delivered(1000);
    for (let at = 1100; at <= 2500; at += 100) parent.delivered(at);
    assert.ok(parent.intervalMs(2500, guessMs) < 200);
  });

  test("what it owes is void when it is lost", () => {
    const parent = newParent();
    parent.standing.push(1, 2);
    parent.started = 3;
    parent.askBack(4, parent, 0);
    assert.equal(parent.owed, 3);
    assert.deepEqual(
      parent.forsake().sort((a, b) => a - b),
      [1, 2, 3, 4],
    );
    assert.equal(parent.owed, 0);
    assert.equal(parent.intervalMs(60_000, guessMs), guessMs);
  });
});
