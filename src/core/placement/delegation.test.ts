/** When a host is sent to its own manager, and when it stays. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { isDelegated } from "./delegation.ts";
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
