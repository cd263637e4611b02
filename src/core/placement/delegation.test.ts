/** When a host has a task of its own manager, and when of the owner. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { helpsAtOnce, isDelegated } from "./delegation.ts";
import type { ManagerHealth } from "./manager.ts";

const managers = (["up", "late", "draining"] as const).map((health: ManagerHealth) => ({ id: health, health }));
const hot = { hosts: 100, hostsMax: 100, own: "owner", home: "up", managers };

test("a host is sent to the manager that it is at home with once enough have the task", () => {
  assert.equal(isDelegated(hot), true);
  assert.equal(isDelegated({ ...hot, home: "late" }), true);
  assert.equal(isDelegated({ ...hot, hosts: 99 }), false);
});

test("a host stays that is at home here or nowhere, or whose manager drains or is not known", () => {
  assert.equal(isDelegated({ ...hot, own: "up" }), false);
  assert.equal(isDelegated({ ...hot, home: undefined }), false);
  assert.equal(isDelegated({ ...hot, home: "draining" }), false);
  assert.equal(isDelegated({ ...hot, home: "gone" }), false);
});

test("a manager takes its hosts itself once its share of what the owner serves has gone on to the owner", () => {
  const four = ["a", "b", "c", "d"].map((id) => ({ id, health: "up" as ManagerHealth }));
  const asked = { hosts: 24, hostsMax: 100, own: "a", managers: four };
  assert.equal(helpsAtOnce(asked), false);
  assert.equal(helpsAtOnce({ ...asked, hosts: 25 }), true);
  assert.equal(helpsAtOnce({ ...asked, hosts: 0, hostsMax: 1 }), false, "the first one goes on: somebody has to");
  const others = four.map((each) => (each.id === "d" ? { ...each, health: "draining" as const } : each));
  assert.equal(helpsAtOnce({ ...asked, hosts: 33, managers: others }), false, "who drains takes no share");
  assert.equal(helpsAtOnce({ ...asked, hosts: 34, managers: others }), true);
  assert.equal(helpsAtOnce({ ...asked, hosts: 99, own: "d", managers: others }), false, "and helps nobody");
  assert.equal(helpsAtOnce({ ...asked, hosts: 999, managers: four.slice(0, 1) }), false);
  const site = four.map((each, at) => (at < 2 ? { ...each, near: true } : each));
  assert.equal(helpsAtOnce({ ...asked, hosts: 49, managers: site }), false, "those of its site share its owner");
  assert.equal(helpsAtOnce({ ...asked, hosts: 50, managers: site }), true);
});

test("of an even crowd the owner hears of so many hosts that are at home elsewhere, and no more", () => {
  const managers = Array.from({ length: 20 }, (_, at) => ({ id: `m${at}`, health: "up" as ManagerHealth }));
  for (const crowd of [100, 1_000, 100_000]) {
    let gone = 0;
    for (const { id: own } of managers.slice(1)) {
      for (let hosts = 0; hosts < crowd / 20; hosts++)
        if (!helpsAtOnce({ hosts, hostsMax: 1_000, own, managers })) gone++;
    }
    assert.equal(gone, Math.min(0.95 * crowd, 950));
  }
});
