/** What `darner up` gives its three roles: one host, three ports, one cluster. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { settingsGroups } from "./groups.ts";
import { placesFor } from "./places.ts";
import type { SettingSources } from "./resolve.ts";
import { parseSettingsFile } from "./settings-file.ts";
import { upRoles } from "./up.ts";

const places = placesFor({ userId: 0, home: "/root", environment: {} });
const service = "http://127.0.0.1:8080";

function listens(sources: Partial<SettingSources>): string[] {
  const roles = upRoles({ flags: {}, environment: {}, places, ...sources });
  const all = [roles.configService, roles.clusterManager(service), roles.daemon(service)];
  return all.map(({ values: { listen } }) => `${listen.host}:${listen.port}`);
}

const file = (text: string) => parseSettingsFile(text, "/f.yaml", settingsGroups);

test("one host for all, each role on its own port, loopback unless told otherwise", () => {
  assert.deepEqual(listens({}), ["127.0.0.1:8080", "127.0.0.1:8002", "127.0.0.1:65002"]);
  const flags = { "listen": ["0.0.0.0"], "trust": ["off"], "daemon-port": ["0"] };
  const environment = { DARNER_CLUSTER_MANAGER_PORT: "9002" };
  assert.deepEqual(listens({ flags, environment }), ["0.0.0.0:8080", "0.0.0.0:9002", "0.0.0.0:0"]);
  assert.deepEqual(listens({ environment: { DARNER_LISTEN: "::1" } })[0], "::1:8080");
});

test("one port for three roles is refused, wherever it was written", async () => {
  const refused = { code: "settings.invalid", message: /three roles need three ports; say the host alone/ };
  assert.throws(() => listens({ flags: { listen: ["127.0.0.1:9000"] } }), refused);
  assert.throws(() => listens({ flags: { listen: ["9000"] } }), refused);
  assert.throws(() => listens({ environment: { DARNER_LISTEN: "127.0.0.1:9000" } }), refused);
  const atTop = await file("listen: 127.0.0.1:9000\n");
  assert.throws(() => listens({ file: atTop }), refused);
});

test("a role's own section of the file holds, and a flag goes before it", async () => {
  const sections = await file("daemon:\n  listen: 127.0.0.2:7000\n  upload-rate: 1MB\n");
  assert.deepEqual(listens({ file: sections }), ["127.0.0.1:8080", "127.0.0.1:8002", "127.0.0.2:7000"]);
  assert.equal(listens({ file: sections, flags: { "daemon-port": ["7001"] } })[2], "127.0.0.2:7001");
  assert.equal(listens({ file: sections, flags: { listen: ["127.0.0.3"] } })[2], "127.0.0.3:7000");
  const { daemon } = upRoles({ flags: {}, environment: {}, places, file: sections });
  assert.equal(daemon(service).values.uploadRateBytesPerSecond, 1e6);
});

test("a manager that others reach needs a config service that they can join at", async () => {
  assert.deepEqual(listens({ flags: { listen: ["10.0.0.5"] } })[0], "10.0.0.5:8080");
  const section = await file("cluster-manager:\n  listen: 10.0.0.5:8002\n");
  const refused = { code: "trust.required", message: /could not join/ };
  assert.throws(() => listens({ file: section }), refused);
  assert.equal(listens({ file: section, flags: { trust: ["off"] } })[1], "10.0.0.5:8002");
});

test("the daemon belongs to this cluster, whatever the host says of another, and stays as long as it", () => {
  const environment = {
    DARNER_MANAGER: "http://10.9.9.9:8002",
    DARNER_LINGER: "1s",
    DARNER_CONFIG_SERVICE: "http://x:1",
  };
  const { values } = upRoles({ flags: { trust: ["off"] }, environment, places }).daemon(service);
  assert.deepEqual([values.manager, values.configService, values.lingerMs], [[], service, Infinity]);
});
