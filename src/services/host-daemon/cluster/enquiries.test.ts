/** A host asks its home before it dials a task's owner; nobody waits for an answer that does not come. */

import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import type { HostMessage } from "#core/protocol/mod.ts";
import { SimClock } from "#platform/machine/clock.sim.ts";
import type { ManagerLink } from "#transfer/mod.ts";
import { Enquiries } from "./enquiries.ts";

function scene(t: TestContext, minor: number | undefined = 1) {
  const clock = new SimClock();
  const said: HostMessage[] = [];
  const told: (string | boolean)[] = [];
  const home = { minor, send: (message: HostMessage) => void said.push(message) } as unknown as ManagerLink;
  const enquiries = new Enquiries(clock, (task, link, helps) => {
    assert.equal(link, home);
    told.push(task, helps);
  });
  t.after(() => assert.equal(clock.pending, 0, "no timer is left"));
  return { clock, said, told, home, enquiries };
}

test("one question, one answer; a second answer and one of another manager count for nothing", (t) => {
  const { said, told, home, enquiries } = scene(t);
  assert.ok(enquiries.begin("task", home) && enquiries.has("task"));
  assert.deepEqual(said, [{ kind: "enquire", task: "task" }]);
  enquiries.answered("task", {} as ManagerLink, true);
  assert.deepEqual(told, []);
  enquiries.answered("task", home, true);
  enquiries.answered("task", home, false);
  assert.deepEqual([told, enquiries.has("task")], [["task", true], false]);
});

test("silence for a second is a no", async (t) => {
  const { clock, told, home, enquiries } = scene(t);
  enquiries.begin("task", home);
  await clock.settle(999);
  assert.deepEqual(told, []);
  await clock.settle(1);
  assert.deepEqual(told, ["task", false]);
});

test("a manager of an older version, or one that is not connected, is not asked", (t) => {
  for (const minor of [0, undefined]) {
    const { said, home, enquiries } = scene(t, minor === undefined ? NaN : minor);
    assert.equal(enquiries.begin("task", minor === undefined ? ({} as ManagerLink) : home), false);
    assert.deepEqual(said, []);
  }
});

test("who loses its home is told nothing, and neither is who wants the task no more", async (t) => {
  const { clock, told, home, enquiries } = scene(t);
  for (const task of ["one", "two", "three"]) enquiries.begin(task, home);
  enquiries.forget("one");
  enquiries.lost(home);
  assert.equal(enquiries.has("three"), false);
  await clock.settle(5_000);
  assert.deepEqual(told, []);
});
