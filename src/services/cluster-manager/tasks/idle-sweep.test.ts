/** Idle tasks leave memory, a few in a turn of the loop, and sooner when many are there. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { SimClock } from "#platform/machine/clock.sim.ts";
import { IdleSweep } from "./idle-sweep.ts";
import type { ManagedTask } from "./managed-task.ts";

function newSweep() {
  const clock = new SimClock();
  const tasks = new Map<string, ManagedTask>();
  let put = 0;
  const sweep = new IdleSweep(clock, tasks, () => put++);
  const add = (count: number, idle = true): void => {
    for (let task = 0; task < count; task++) {
      tasks.set(`${idle} ${tasks.size}`, { idle } as ManagedTask);
      sweep.added();
    }
  };
  return { clock, tasks, add, put: () => put };
}

test("few idle tasks go within half a minute, those in use stay", async () => {
  const { clock, tasks, add, put } = newSweep();
  add(50);
  add(5, false);
  await clock.settle(29_000);
  assert.equal(put(), 0);
  await clock.settle(2_000);
  assert.deepEqual([put(), tasks.size], [50, 5]);
});

test("many go within seconds, a hundred in a turn", async () => {
  const { clock, tasks, add, put } = newSweep();
  add(10_000);
  await clock.settle(3_010);
  assert.equal(put(), 100);
  await clock.settle(3_000);
  assert.equal(put(), 10_000);
  assert.equal(tasks.size, 0);
});
