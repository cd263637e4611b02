/** Which managers a host is sent to, who owns a task, and what a manager may say of itself. */

import * as assert from "node:assert/strict";
import { test } from "node:test";
import { NearestManagers, ownerOfTask, readManagerFacts, readManagerList, readSiteRanges, siteOf } from "./mod.ts";
import type { HostPlace, ManagerEntry, SiteRange } from "./mod.ts";
import { hashText } from "./score.ts";

function manager(id: string, facts: Partial<ManagerEntry> = {}): ManagerEntry {
  return {
    id,
    url: `http://${id}.test:8002`,
    site: "",
    address: "192.0.2.1",
    load: 0,
    version: "",
    health: "up",
    ...facts,
  };
}

function ranges(text: string): readonly SiteRange[] {
  const read = readSiteRanges(text);
  assert.equal(read.kind, "read");
  return read.kind === "read" ? read.ranges : [];
}

interface Question {
  readonly host: HostPlace;
  readonly managers: readonly ManagerEntry[];
  readonly ranges: readonly SiteRange[];
}

const nearest = ({ host, managers, ranges }: Question): ManagerEntry[] =>
  new NearestManagers(managers, ranges).order(host).places.map((place) => managers[place]!);

const ids = (managers: readonly ManagerEntry[]): string[] => managers.map(({ id }) => id);

test("a site is what a process names, else its narrowest range, else none", () => {
  const known = ranges("10.0.0.0/8=paris, 10.9.0.0/16=lyon\nfd00::/8=nice");
  assert.equal(siteOf({ site: "oslo", address: "10.9.0.1" }, known), "oslo");
  assert.equal(siteOf({ address: "10.9.0.1" }, known), "lyon");
  assert.equal(siteOf({ site: "", address: "10.8.0.1" }, known), "paris");
  assert.equal(siteOf({ address: "fd12::1" }, known), "nice");
  assert.equal(siteOf({ address: "203.0.113.1" }, known), undefined);
  assert.equal(siteOf({ address: "not an address" }, known), undefined);
});

test("ranges that make no sense say why", () => {
  const why = (value: unknown): string => {
    const read = readSiteRanges(value);
    return read.kind === "wrong" ? read.why : "";
  };
  assert.match(why(["10.0.0.0/8"]), /should be text/);
  assert.match(why("10.0.0.0/8"), /"10.0.0.0\/8" should be RANGE=SITE/);
  assert.match(why("10.0.0.0/40=paris"), /should be RANGE=SITE/);
  assert.match(why("10.0.0.0/8=pa ris"), /"ris" should be/);
  assert.match(why("10.0.0.0/8="), /no site name/);
});

test("a host's managers: its site first, then the healthy, then the less loaded", () => {
  const managers = [
    manager("far"),
    manager("late", { site: "paris", health: "late" }),
    manager("draining", { site: "paris", health: "draining" }),
    manager("overloaded", { site: "paris", load: 0.95 }),
    manager("busy", { site: "paris", load: 0.7 }),
    manager("by-range", { address: "10.0.0.9" }),
  ];
  const host = { address: "10.0.0.77" };
  const found = nearest({ host, managers, ranges: ranges("10.0.0.0/8=paris") });
  assert.deepEqual(ids(found), ["by-range", "busy", "overloaded", "late", "draining", "far"]);
  const elsewhere = nearest({ host: { ...host, site: "oslo" }, managers, ranges: [] });
  assert.deepEqual(ids(elsewhere).slice(-3), ["overloaded", "late", "draining"]);
  const nowhere = nearest({
    host,
    managers: [manager("none", { load: 1 }), manager("some", { site: "x" })],
    ranges: [],
  });
  assert.deepEqual(ids(nowhere), ["some", "none"], "having no site is no site in common");
});

test("hosts spread evenly over managers that are equally near, whatever small load they have", () => {
  const managers = [0, 1, 2, 3].map((index) => manager(`m${index}`, { load: index / 10 }));
  const counts = new Map<string, number>();
  for (let host = 0; host < 4000; host++) {
    const [first] = nearest({ host: { address: `10.0.${host >> 8}.${host & 255}` }, managers, ranges: [] });
    counts.set(first!.id, (counts.get(first!.id) ?? 0) + 1);
  }
  for (const count of counts.values()) assert.ok(count > 900 && count < 1100, [...counts.values()].join(" "));
  assert.equal(counts.size, 4);
});

test("tasks spread evenly over owners, and only those of a manager that leaves move", () => {
  const managers = ["a", "b", "c", "d", "e"].map((id) => manager(id));
  const owned = new Map<string, number>();
  for (let index = 0; index < 5000; index++) {
    const before = ownerOfTask(`task-${index}`, managers);
    const after = ownerOfTask(`task-${index}`, managers.slice(1));
    assert.deepEqual(
      ids(after),
      ids(before).filter((id) => id !== "a"),
    );
    owned.set(before[0]!.id, (owned.get(before[0]!.id) ?? 0) + 1);
  }
  for (const count of owned.values()) assert.ok(count > 880 && count < 1120, [...owned.values()].join(" "));
});

test("an owner does not depend on order, load or a late renewal; who drains comes last", () => {
  const calm = ["a", "b", "c"].map((id) => manager(id));
  const upset = ["c", "b", "a"].map((id) => manager(id, { load: 5, health: "late" }));
  for (let index = 0; index < 100; index++) {
    const order = ids(ownerOfTask(`task-${index}`, calm));
    assert.deepEqual(ids(ownerOfTask(`task-${index}`, upset)), order);
    const drained = calm.map((entry) => (entry.id === order[0] ? { ...entry, health: "draining" as const } : entry));
    assert.deepEqual(ids(ownerOfTask(`task-${index}`, drained)), [order[1], order[2], order[0]]);
  }
});

test("the owner of a task is the same in every release", () => {
  const managers = ["manager-1", "manager-2", "manager-3"].map((id) => manager(id));
  const order = ["", "a", "0123456789abcdef".repeat(4)].map((taskId) => ids(ownerOfTask(taskId, managers)).join(" "));
  assert.deepEqual(order, [
    "manager-1 manager-3 manager-2",
    "manager-3 manager-1 manager-2",
    "manager-3 manager-2 manager-1",
  ]);
  // The first output of SplitMix64 seeded with 0, as its authors publish it.
  assert.equal(hashText(""), 0xe220a8397b1dcdafn);
});

test("a registration is read with its defaults, and one that makes no sense says why", () => {
  const read = readManagerFacts("m1", { url: "http://10.0.0.1:8002/path?x" }, "10.0.0.1");
  assert.deepEqual(read, {
    kind: "read",
    facts: {
      id: "m1",
      url: "http://10.0.0.1:8002",
      site: "",
      address: "10.0.0.1",
      load: 0,
      version: "",
      draining: false,
    },
  });
  const url = "http://10.0.0.1:8002";
  const wrong: [string, unknown, RegExp][] = [
    ["m 1", { url }, /id should be/],
    ["m1", [], /JSON object/],
    ["m1", { url: "ftp://x" }, /url should be/],
    ["m1", { url: "http://user:secret@x" }, /^url should be (?!.*secret)/],
    ["m1", { url: "http://0.0.0.0:8002" }, /others can reach/],
    ["m1", { url, site: "a b" }, /site should be/],
    ["m1", { url, address: "host" }, /address should be/],
    ["m1", { url, load: -1 }, /load should be/],
    ["m1", { url, version: 1 }, /version should be/],
    ["m1", { url, draining: "yes" }, /draining should be/],
  ];
  for (const [id, body, pattern] of wrong) {
    const result = readManagerFacts(id, body, "10.0.0.1");
    assert.match(result.kind === "wrong" ? result.why : "read", pattern);
  }
});

test("a list is read whole or not at all", () => {
  const list = { version: 3, managers: [manager("m1"), manager("m2", { health: "late" })] };
  assert.deepEqual(readManagerList(JSON.parse(JSON.stringify(list))), list);
  assert.equal(readManagerList({ version: 3, managers: [{ ...manager("m1"), health: "fine" }] }), undefined);
  assert.equal(readManagerList({ version: "3", managers: [] }), undefined);
  assert.equal(readManagerList({ version: 3, managers: Array.from({ length: 1025 }, () => manager("m")) }), undefined);
});
