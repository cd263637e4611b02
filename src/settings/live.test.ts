/** Settings that move while a role runs: who may move them, and which do not move. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { clusterManagerSettings } from "./cluster-manager.ts";
import { hostDaemonSettings } from "./host-daemon.ts";
import { changeSettings, clusterSettingProblem } from "./live.ts";
import { placesFor } from "./places.ts";
import { resolveSettings } from "./resolve.ts";

const places = placesFor({ userId: 0, home: "/root", environment: {} });
const resolved = resolveSettings(hostDaemonSettings, { flags: { "upload-rate": ["1MB"] }, environment: {}, places });

test("what the cluster says counts only where the host said nothing", () => {
  const changes = { "upload-rate": "9MB", "download-rate": "9MB", "disk-quota": "1GB" };
  const { values, origins } = changeSettings(hostDaemonSettings, resolved, changes, "cluster");
  assert.deepEqual([values.uploadRateBytesPerSecond, values.downloadRateBytesPerSecond], [1e6, 9e6]);
  assert.equal(origins.downloadRateBytesPerSecond.kind, "cluster");
});

test("what the operator says to the running role counts before everything", () => {
  const { values, origins } = changeSettings(hostDaemonSettings, resolved, { "upload-rate": "2MB" }, "running");
  assert.deepEqual([values.uploadRateBytesPerSecond, origins.uploadRateBytesPerSecond.kind], [2e6, "running"]);
  const after = changeSettings(hostDaemonSettings, { values, origins }, { "upload-rate": "9MB" }, "cluster");
  assert.equal(after.values.uploadRateBytesPerSecond, 2e6);
});

test("a change for one role goes before one for all", () => {
  const changes = { "daemon.upload-slots": 9, "upload-slots": 5 };
  const manager = resolveSettings(clusterManagerSettings, { flags: {}, environment: {}, places });
  assert.equal(changeSettings(hostDaemonSettings, resolved, changes, "cluster").values.uploadSlots, 9);
  assert.equal(changeSettings(clusterManagerSettings, manager, changes, "cluster").values.uploadSlots, 5);
});

test("one bad change changes nothing", () => {
  const change = (changes: Record<string, unknown>) => () =>
    changeSettings(hostDaemonSettings, resolved, changes, "running");
  assert.throws(change({ "upload-rate": "2MB", "listen": "1" }), {
    code: "settings.invalid",
    message: /it needs a restart$/,
  });
  assert.throws(change({ "upload-rate": "2MB", "upload-slots": 0 }), { code: "settings.invalid" });
  assert.throws(change({ "uplod-rate": "2MB" }), {
    code: "settings.unknown-key",
    message: /did you mean upload-rate\?$/,
  });
  assert.throws(change({ "upload-rate": { a: 1 } }), { code: "settings.invalid" });
  const manager = resolveSettings(clusterManagerSettings, { flags: {}, environment: {}, places });
  assert.throws(() => changeSettings(clusterManagerSettings, manager, { "low-watermark": "95%" }, "running"), {
    code: "settings.invalid",
  });
});

test("a setting for the cluster is checked before it is kept", () => {
  assert.equal(clusterSettingProblem("upload-rate", "10MB"), undefined);
  assert.equal(
    clusterSettingProblem("daemon.linger", "1s"),
    "cannot change daemon.linger while running: it needs a restart",
  );
  assert.match(clusterSettingProblem("cluster-manager.disk-read-rate", "1MB")!, /there is no such setting/);
  assert.match(clusterSettingProblem("attic.upload-rate", "1MB")!, /there is no such setting/);
  assert.match(clusterSettingProblem("upload-slots", 1000)!, /at most 256/);
});
