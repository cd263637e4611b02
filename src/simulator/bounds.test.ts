/** The bounds against their published forms and against small cases counted by hand. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { discreteBoundSeconds, fluidBoundSeconds } from "./bounds.ts";

const line = { upBytesPerSecond: 10, downBytesPerSecond: 10 };

test("the fluid bound is the tightest of seed, slowest host and all uplinks together", () => {
  assert.equal(fluidBoundSeconds(1000, 5, [line]), 200);
  assert.equal(fluidBoundSeconds(1000, 50, [line, { ...line, downBytesPerSecond: 4 }]), 250);
  assert.equal(
    fluidBoundSeconds(
      1000,
      10,
      [1, 2, 3].map(() => ({ ...line, upBytesPerSecond: 0 })),
    ),
    300,
  );
});

test("with one seed as fast as a host the discrete bound is (F/u) (1 + floor(log2 N) / M)", () => {
  for (const hosts of [1, 2, 3, 4, 7, 8, 1000, 1024, 10_000]) {
    const expected = 100 * (1 + Math.floor(Math.log2(hosts)) / 50);
    assert.equal(discreteBoundSeconds(1000, 50, hosts, 10, 10), expected, `${hosts} hosts`);
  }
});

test("faster seeds start more hosts in the first round, and slower ones are bound elsewhere", () => {
  assert.equal(discreteBoundSeconds(1000, 50, 20, 10, 200), 100, "twenty begin at once");
  assert.equal(discreteBoundSeconds(1000, 50, 21, 10, 200), 102, "the twenty-first a round later");
  assert.equal(discreteBoundSeconds(1000, 50, 60, 10, 200), 102, "20 + 40");
  assert.equal(discreteBoundSeconds(1000, 50, 1, 10, 1), 100);
});
