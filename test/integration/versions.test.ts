/** Hosts and managers of other minor versions side by side: made-up older and newer ones, on either end. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { inCluster, type Role } from "./cluster.ts";
import { VersionRelay, type RelayOptions } from "./other-version.ts";

const sizeBytes = 3_000_000;
const trustOff = ["--trust", "off"];

test("an older and a newer host at this manager, this host at an older and a newer one: one swarm", async () => {
  await inCluster(async (cluster) => {
    const manager = await cluster.manager("manager", [...trustOff, "--piece-bytes", "64KiB", "--upload-rate", "3MB"]);
    const plain = await cluster.daemon("plain", manager, trustOff);
    const relays: VersionRelay[] = [];
    const hosts: Role[] = [plain];
    const before = async (port: number, options: RelayOptions, plane: "control" | "pieces"): Promise<VersionRelay> => {
      const relay = await VersionRelay.before(port, options, plane);
      relays.push(relay);
      return relay;
    };
    try {
      for (const options of [{ host: "1.0" }, { host: "1.9" }, { manager: "1.0" }, { manager: "1.9" }] as const) {
        const pieces = new Map<number, number>();
        for (const { port } of hosts.concat(manager)) pieces.set(port, (await before(port, options, "pieces")).port);
        const { port } = await before(manager.port, { ...options, pieces }, "control");
        const name = Object.entries(options).flat().join("-").replace(".", "-");
        hosts.push(await cluster.daemon(name, undefined, [...trustOff, "--manager", `http://127.0.0.1:${port}`]));
      }
      const controls = relays.filter(({ edits }) => edits > 0);
      assert.equal(controls.length, 4, "each was greeted by another version");
      const url = cluster.serve("/data", { body: { sizeBytes, seed: 1 } });
      const running = hosts.map((host) => cluster.dfget(host, url, `${host.name}.out`));
      for (const [at, { outcome }] of running.entries())
        cluster.assertIntact(await outcome, `${hosts[at]!.name}.out`, "/data");
      assert.equal(cluster.origin.bodyBytes("/data"), sizeBytes, "one copy left the origin");
      assert.ok((await manager.metric("darner_upload_bytes")) < 4.5 * sizeBytes, "they fed each other");
      for (const host of hosts) assert.equal(host.entries("manager.lost").length, 0, host.name);
      for (const { edits } of controls) assert.ok(edits >= 4, `${edits} messages were made another version's`);
    } finally {
      for (const relay of relays) relay.close();
    }
  });
});

test("another major version is refused by either end, which says so; the host turns to a manager that fits", async () => {
  await inCluster(async (cluster) => {
    const manager = await cluster.manager("manager", trustOff);
    const relays = [
      await VersionRelay.before(manager.port, { host: "2.0" }, "control"),
      await VersionRelay.before(manager.port, { manager: "2.0" }, "control"),
    ];
    try {
      for (const [at, { port }] of relays.entries()) {
        const urls = `http://127.0.0.1:${port},${manager.url}`;
        const flags = [...trustOff, "--log-level", "debug", "--manager", urls];
        const host = await cluster.daemon(`h${at}`, undefined, flags);
        await host.logged("manager.joined");
        const said = JSON.stringify([...host.entries("manager.unreachable"), ...host.entries("manager.lost")]);
        assert.match(said, at === 0 ? /426 protocol 2\.0 asked for, 1\.\d+ spoken here/ : /it speaks protocol 2\.0/);
      }
    } finally {
      for (const relay of relays) relay.close();
    }
  });
});
