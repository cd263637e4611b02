/** What an operator is told of a distribution that took long. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { explain, type HostFacts, type TaskFacts } from "./explain.ts";

const host = (name: string, tookMs: number | undefined, heldBytes = 1000): HostFacts => ({
  name,
  site: "",
  crossedBytes: 0,
  heldBytes,
  joinedMs: 100,
  finishedMs: tookMs === undefined ? undefined : 100 + tookMs,
});

const facts = (over: Partial<TaskFacts>): TaskFacts => ({
  lengthBytes: 1000,
  nowMs: 20_000,
  beganMs: 100,
  wholeMs: 1_100,
  originBytes: 1000,
  seededBytes: 2000,
  hosts: [host("a", 1_500), host("b", 1_500), host("c", 1_600), host("d", 2_000)],
  ...over,
});

test("each line's copies, and the distance from what was possible", () => {
  const { reasons, sites, ...figures } = explain(facts({}))!;
  assert.deepEqual(sites, [{ site: "", hosts: 4, done: 4, copiesIn: 0, makespanMs: 2_000 }]);
  assert.deepEqual(figures, { originCopies: 1, managerCopies: 2, peerCopies: 2, makespanMs: 2_000, boundMs: 1_500 });
  assert.deepEqual(reasons, ["nothing stands out"]);
});

test("an origin that is slow, or asked twice, is named with its figures", () => {
  const slow = explain(facts({ wholeMs: 2_000 }))!;
  assert.deepEqual([slow.boundMs, slow.reasons], [1_900, ["the origin was the limit: 526 B/s until it was whole"]]);
  assert.deepEqual(explain(facts({ originBytes: 1_500 }))?.reasons, ["the origin was asked for 1.50 copies"]);
});

test("slow hosts are named, the slowest first; one that is not done counts until now", () => {
  const hosts = [host("a", 1_000), host("b", 1_000), host("c", 1_000), host("d", 4_000), host("e", undefined, 100)];
  const { reasons, makespanMs } = explain(facts({ hosts }))!;
  assert.equal(makespanMs, 19_900);
  assert.deepEqual(reasons, ["e was slow: 5 B/s", "d was slow: 250 B/s"]);
});

test("each site's line has its copies and its last end, the slowest site first; a line that carried more is named", () => {
  const of = (site: string, tookMs: number | undefined, crossedBytes: number): HostFacts => {
    return { ...host(`${site}${crossedBytes}`, tookMs), site, crossedBytes };
  };
  const hosts = [of("oslo", 1_500, 0), of("paris", 1_600, 500), of("paris", 1_700, 700), of("lyon", undefined, 900)];
  const { sites, reasons } = explain(facts({ hosts, nowMs: 1_900 }))!;
  assert.deepEqual(sites, [
    { site: "lyon", hosts: 1, done: 0, copiesIn: 0.9, makespanMs: 1_800 },
    { site: "paris", hosts: 2, done: 2, copiesIn: 1.2, makespanMs: 1_700 },
    { site: "oslo", hosts: 1, done: 1, copiesIn: 0, makespanMs: 1_500 },
  ]);
  assert.deepEqual(reasons, ["1.20 copies came into site paris"]);
});

test("a manager that sends nearly all is named; what nobody asked for is not explained", () => {
  assert.match(explain(facts({ seededBytes: 3_500 }))!.reasons.join(), /fed each other little/);
  assert.equal(explain(facts({ hosts: [] })), undefined);
  assert.equal(explain(facts({ lengthBytes: undefined })), undefined);
});
