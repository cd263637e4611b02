/** Where things lie for root, for a user with a session, and for a user with nothing. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { nearestWord } from "./nearest.ts";
import { placesFor } from "./places.ts";

test("root has the system's places, whatever the environment says", () => {
  const places = placesFor({ userId: 0, home: "/root", environment: { XDG_RUNTIME_DIR: "/run/user/0" } });
  assert.equal(places.socketPath, "/run/darner/darner.sock");
  assert.equal(places.socketPermissions, 0o660);
  assert.equal(places.dataDirectory, "/var/lib/darner");
  assert.deepEqual(places.settingsFiles, ["/etc/darner/darner.yaml"]);
});

test("a user has the XDG places, and the machine's settings where there are none of his own", () => {
  const environment = { XDG_RUNTIME_DIR: "/run/user/7", XDG_CONFIG_HOME: "/c", XDG_DATA_HOME: "relative" };
  const places = placesFor({ userId: 7, home: "/home/u", environment });
  assert.equal(places.socketPath, "/run/user/7/darner/darner.sock");
  assert.equal(places.dataDirectory, "/home/u/.local/share/darner", "a relative XDG path is ignored");
  assert.deepEqual(places.settingsFiles, ["/c/darner/darner.yaml", "/etc/darner/darner.yaml"]);
});

test("a user without session and home has a private folder in /tmp", () => {
  const places = placesFor({ userId: 7, home: undefined, environment: {} });
  assert.deepEqual(places.socketDirectory, { path: "/tmp/darner-7", permissions: 0o700 });
  assert.equal(places.socketPath, "/tmp/darner-7/darner.sock");
  assert.equal(places.dataDirectory, "/tmp/darner-7/data");
});

test("the nearest word is the one with the fewest slips, or none", () => {
  const known = ["upload-rate", "download-rate", "upload-slots", "site"];
  assert.equal(nearestWord("uplaod-rate", known), "upload-rate");
  assert.equal(nearestWord("upload-slot", known), "upload-slots");
  assert.equal(nearestWord("sites", known), "site");
  assert.equal(nearestWord("zzz", known), undefined);
});
