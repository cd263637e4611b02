/** The life of a manager's lease, told in events with their times. */

import * as assert from "node:assert/strict";
import { test } from "node:test";
import { ManagerLeases, type ManagerFacts, type ManagerList } from "./mod.ts";

const empty: ManagerList = { version: 10, managers: [] };

function leases(list: ManagerList = empty, nowMs = 0): ManagerLeases {
  return new ManagerLeases({ leaseMs: 30_000, managersMax: 3, list, nowMs });
}

function facts(id: string, changed: Partial<ManagerFacts> = {}): ManagerFacts {
  return {
    id,
    url: `http://${id}:8002`,
    site: "",
    address: "10.0.0.1",
    load: 0,
    version: "1",
    draining: false,
    ...changed,
  };
}

test("joining, a change and leaving raise the version; renewing does not", () => {
  const managers = leases();
  assert.equal(managers.register(facts("b"), 0), "joined");
  assert.equal(managers.register(facts("a"), 0), "joined");
  assert.deepEqual([managers.list.version, managers.list.managers.map(({ id }) => id)], [12, ["a", "b"]]);
  const told = managers.list;
  assert.equal(managers.register(facts("a"), 5_000), "renewed");
  assert.equal(managers.list, told);
  assert.equal(managers.register(facts("a", { url: "http://a:9000" }), 6_000), "changed");
  assert.equal(managers.register(facts("a", { url: "http://a:9000", draining: true }), 6_000), "changed");
  assert.equal(managers.list.managers[0]?.health, "draining");
  assert.equal(managers.list.version, 14);
  assert.ok(managers.leave("a"));
  assert.ok(!managers.leave("a"));
  assert.equal(managers.list.version, 15);
});

test("only a load that changes its band changes the list, and an edge does not tremble", () => {
  const managers = leases();
  managers.register(facts("a", { load: 0.1 }), 0);
  assert.equal(managers.register(facts("a", { load: 0.5 }), 0), "renewed");
  assert.equal(managers.register(facts("a", { load: 0.61 }), 0), "changed");
  assert.equal(managers.register(facts("a", { load: 0.59 }), 0), "renewed");
  assert.equal(managers.list.managers[0]?.load, 0.61);
  assert.equal(managers.register(facts("a", { load: 0.45 }), 0), "changed");
  assert.equal(managers.register(facts("a", { load: 3 }), 0), "changed");
  assert.equal(managers.register(facts("a", { load: 0 }), 0), "changed");
});

test("a silent manager is late after two thirds of its lease, gone after all of it, and may come back", () => {
  const managers = leases();
  managers.register(facts("a"), 1_000);
  managers.register(facts("b", { draining: true }), 1_000);
  assert.equal(managers.nextDueMs(), 21_000);
  assert.deepEqual(managers.expire(20_999), []);
  assert.equal(managers.list.version, 12);
  assert.deepEqual(managers.expire(21_000), []);
  assert.deepEqual(
    [managers.list.version, managers.list.managers.map(({ health }) => health)],
    [13, ["late", "draining"]],
  );
  assert.equal(managers.nextDueMs(), 31_000);
  assert.equal(managers.register(facts("a"), 22_000), "changed");
  assert.equal(managers.list.managers[0]?.health, "up");
  assert.deepEqual(managers.expire(31_000), ["b"]);
  assert.deepEqual(managers.expire(52_000), ["a"]);
  assert.deepEqual([managers.list.managers.length, managers.nextDueMs()], [0, undefined]);
});

test("a stored list is taken up as it was, with fresh leases", () => {
  const before = leases();
  before.register(facts("a", { load: 0.7 }), 0);
  before.register(facts("b", { draining: true }), 0);
  const after = leases(before.list, 1_000_000);
  assert.deepEqual(after.list, before.list);
  assert.deepEqual(after.expire(1_019_999), []);
  assert.equal(after.register(facts("a", { load: 0.7 }), 1_020_000), "renewed");
  assert.deepEqual(after.expire(1_030_000), ["b"]);
});

test("there is room for so many managers and no more, but always for those that are there", () => {
  const managers = leases();
  for (const id of ["a", "b", "c"]) managers.register(facts(id), 0);
  assert.equal(managers.register(facts("d"), 0), "full");
  assert.equal(managers.register(facts("c", { site: "paris" }), 0), "changed");
  managers.leave("a");
  assert.equal(managers.register(facts("d"), 0), "joined");
});

test("new ranges are news for everybody", () => {
  const managers = leases();
  managers.reordered();
  assert.equal(managers.list.version, 11);
});
