/** The clock that tests and the simulator move by hand. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { SimClock } from "./clock.sim.ts";
import { sleep, type Timer } from "./clock.ts";

test("timers fire in the order of their times, then of their setting, each at its own time", () => {
  const clock = new SimClock();
  const fired: string[] = [];
  for (const [name, delayMs] of [
    ["c", 30],
    ["a", 10],
    ["b1", 20],
    ["b2", 20],
  ] as const) {
    clock.after(delayMs, () => fired.push(`${name}@${clock.nowMs()}`));
  }
  clock.advance(20);
  assert.deepEqual(fired, ["a@10", "b1@20", "b2@20"]);
  clock.advance(100);
  assert.deepEqual(fired.slice(3), ["c@30"]);
  assert.equal(clock.nowMs(), 120);
});

test("a timer set by a timer fires in the same advance when it falls due", () => {
  const clock = new SimClock();
  const fired: number[] = [];
  const again = (): void => {
    fired.push(clock.nowMs());
    clock.after(10, again);
  };
  clock.after(10, again);
  clock.advance(35);
  assert.deepEqual(fired, [10, 20, 30]);
});

test("a cancelled timer does not fire, not even when it is cancelled by one of the same time", () => {
  const clock = new SimClock();
  let fired = 0;
  const timers: Timer[] = [];
  timers.push(clock.after(10, () => timers[1]!.cancel()));
  timers.push(clock.after(10, () => fired++));
  clock.after(5, () => fired++).cancel();
  assert.equal(clock.pending, 2);
  clock.advance(20);
  assert.equal(fired, 0);
  assert.equal(clock.pending, 0);
});

test("the wall's clock runs along and can be set", () => {
  const clock = new SimClock(1_000_000);
  clock.advance(500);
  assert.equal(clock.wallMs(), 1_000_500);
  clock.setWallMs(7);
  clock.advance(1);
  assert.equal(clock.wallMs(), 8);
  assert.equal(clock.nowMs(), 501);
});

test("settle lets promises go on between timers", async () => {
  const clock = new SimClock();
  const seen: number[] = [];
  const done = (async () => {
    for (let round = 0; round < 3; round++) {
      await sleep(clock, 10);
      seen.push(clock.nowMs());
    }
  })();
  await clock.settle(30);
  assert.deepEqual(seen, [10, 20, 30]);
  await done;
});
