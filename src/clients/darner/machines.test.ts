/** What an operator reads of a task. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { explanationText, type ExplainedTask } from "./machines.ts";

const host = (name: string, site: string, tookMs: number) => ({
  name,
  site,
  tookMs,
  heldBytes: 1_000_000,
  done: true,
  parents: 2,
  children: 3,
});

const task: ExplainedTask = {
  task: "ab".repeat(32),
  lengthBytes: 1_000_000,
  originCopies: 1,
  managerCopies: 2.04,
  peerCopies: 1.5,
  makespanMs: 4_000,
  boundMs: 3_200,
  reasons: ["two was slow: 250 kB/s"],
  sites: [
    { site: "paris", hosts: 1, done: 1, copiesIn: 1.001, makespanMs: 4_000 },
    { site: "", hosts: 1, done: 0, copiesIn: 0, makespanMs: 900 },
  ],
  hosts: [host("one", "", 900), host("two", "paris", 4_000)],
  borrowers: ["m2"],
};

test("a task is explained: lines with their copies, the distance from the bound, why, and hosts, the slowest first", () => {
  assert.equal(
    explanationText("http://m1", task),
    `task     ${"ab".repeat(32)}
manager  http://m1
length   1.00 MB
copies   origin 1.00, manager 2.04, peers 1.50
time     4.0 s, 1.25 x the bound of 3.2 s
site     paris: 1.00 copies in, 1 of 1 hosts done, the last after 4.0 s
site     none: 0.00 copies in, 0 of 1 hosts done, the last after 0.9 s
feeds    manager m2, for its own hosts
why      two was slow: 250 kB/s

HOST  SITE   HELD     STATE  TIME   PARENTS  CHILDREN
two   paris  1.00 MB  done   4.0 s  2        3
one   -      1.00 MB  done   0.9 s  2        3
`,
  );
});

test("a host that had it when it came is far from no bound", () => {
  assert.match(explanationText("http://m1", { ...task, makespanMs: 30_000, boundMs: 1 }), /^time +30\.0 s$/m);
});

test("of thousands of hosts a terminal is told the slowest", () => {
  const hosts = Array.from({ length: 5_000 }, (_, at) => host(`h${at}`, "", at));
  const text = explanationText("http://m1", { ...task, hosts });
  assert.equal(text.match(/^h\d+ /gm)?.length, 40);
  assert.match(text, /^h4999 /m);
  assert.match(text, /\nand 4960 more hosts, each faster; --json has them all\n$/);
});
