/** What the manager says of an object's version, and to whom. */

import assert from "node:assert/strict";
import { test } from "node:test";
import type { TaskAsk } from "#core/protocol/mod.ts";
import { SimClock } from "#platform/machine/clock.sim.ts";
import type { ManagerClient, TaskListener } from "../cluster/mod.ts";
import { Confirmation } from "./confirmation.ts";

test("who asks while the manager is asked already hears the same answer", async () => {
  const clock = new SimClock();
  let asks = 0;
  const manager = { serves: () => true, ask: () => void asks++ } as unknown as ManagerClient;
  const ask: TaskAsk = { url: "http://origin/a", headers: {}, filterQuery: [], tag: "" };
  const task = { task: "t", ask, generation: "g1" } as unknown as TaskListener & { generation: string };
  const confirmation = new Confirmation();
  const both = [1, 2].map(() => confirmation.ask(task, { manager, clock }, 10_000));
  confirmation.heard("g1");
  await clock.settle(10_000);
  assert.deepEqual(await Promise.all(both), [true, true]);
  assert.equal(asks, 1);

  const changed = confirmation.ask(task, { manager, clock }, 10_000);
  confirmation.heard("g2");
  assert.equal(await changed, false);
  const silent = confirmation.ask(task, { manager, clock }, 10_000);
  await clock.settle(10_000);
  assert.equal(await silent, false);
});
