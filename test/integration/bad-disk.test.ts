/**
 * What is stored goes bad while everything runs: bytes change, a file is cut. Whoever asks gets the
 * object all the same; what was lost is got again, and only that; the log tells.
 */

import assert from "node:assert/strict";
import * as fs from "node:fs";
import { describe, test } from "node:test";
import { inCluster, type Cluster, type Role } from "./cluster.ts";

const sizeBytes = 12_000_000;
const harms: Readonly<Record<string, (content: string) => void>> = {
  "bytes change": (content) => {
    const file = fs.openSync(content, "r+");
    fs.writeSync(file, "rotten", 5_000_000);
    fs.closeSync(file);
  },
  "the file is cut": (content) => fs.truncateSync(content, 11_000_000),
};

function contentOf(role: Role, folder: string): string {
  const found = fs.globSync(`${role.dataDirectory}/${folder}/tasks/*/*/content`);
  assert.equal(found.length, 1);
  return found[0]!;
}

async function assertServed(cluster: Cluster, host: Role, url: string, output: string): Promise<void> {
  cluster.expects("piece.spoiled", "peer.wrong-bytes", "peer.accused");
  cluster.assertIntact(await cluster.dfget(host, url, output).outcome, output, "/data");
}

for (const [harm, apply] of Object.entries(harms)) {
  describe(harm, () => {
    test("at the manager: the next host gets the object, and the origin sends what was lost", async () => {
      await inCluster(async (cluster) => {
        const headers = { "cache-control": "max-age=600" };
        const url = cluster.serve("/data", { body: { sizeBytes, seed: 60 }, headers });
        const manager = await cluster.manager();
        const first = await cluster.daemon("h1", manager);
        await assertServed(cluster, first, url, "one");
        await first.end();
        apply(contentOf(manager, "cluster-manager"));
        const second = await cluster.daemon("h2", manager);
        await assertServed(cluster, second, url, "two");
        await manager.logged("piece.spoiled");
        const again = cluster.origin.bodyBytes("/data") - sizeBytes;
        assert.ok(again > 0 && again <= 1_500_000, `${again} bytes came again`);
      });
    });

    test("at a daemon: a second output of that host is the object", async () => {
      await inCluster(async (cluster) => {
        const headers = { "cache-control": "max-age=600" };
        const url = cluster.serve("/data", { body: { sizeBytes, seed: 61 }, headers });
        const host = await cluster.daemon("h1", await cluster.manager());
        const stream = await cluster.dfget(host, url, "-").outcome;
        assert.equal(stream.status, 0, stream.stderr);
        apply(contentOf(host, "daemon"));
        await assertServed(cluster, host, url, "two");
        assert.equal(cluster.origin.requestsOf("/data").length, 1, "the manager has it");
      });
    });
  });
}
