/** How many pieces a seed sends side by side. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { mayRepeatWhileFetching, seedSlots } from "./slots.ts";

test("a seed ten times as fast as its hosts serves twenty at a time, two for each line it can fill", () => {
  assert.equal(seedSlots(125e6, 12.5e6, 8), 20);
});

test("never fewer than the setting, never without bound, and the setting while nothing is known", () => {
  assert.equal(seedSlots(1e6, 12.5e6, 8), 8);
  assert.equal(seedSlots(1e9, 1e3, 8), 128);
  assert.equal(seedSlots(1e9, 0, 8), 8);
});

test("while it fetches, a seed sends second copies in a quarter of its slots, in one at least", () => {
  assert.deepEqual(
    [0, 1, 2].map((repeats) => mayRepeatWhileFetching(repeats, 8)),
    [true, true, false],
  );
  assert.deepEqual(
    [0, 1].map((repeats) => mayRepeatWhileFetching(repeats, 2)),
    [true, false],
  );
});
