/**
 * Eight hosts, one of which serves wrong bytes and one of which is stopped half-way: everybody else
 * ends intact, in bounded time, and the manager's log says who was accused.
 *
 * The liar is an honest daemon whose disk lies: the partial file that it serves from is overwritten
 * all the time while it downloads.
 */

import assert from "node:assert/strict";
import * as fs from "node:fs";
import { describe, test } from "node:test";
import { signingKeyFromPem } from "#platform/keys/signing.ts";
import { inCluster, until, type Cluster, type Role } from "./cluster.ts";

const sizeBytes = 24_000_000;
const boundMs = 20_000;
/** Slow enough that hosts need each other: the manager gives two copies in the time of the transfer. */
const slowly = ["--upload-rate", "12MB"];

/** Overwrites what is stored of the host's partial output, as long as it is there. */
function lie(cluster: Cluster, host: Role): { stop(): void } {
  const wrong = Buffer.alloc(4096, 0xee);
  const timer = setInterval(() => {
    let file: number;
    try {
      file = fs.openSync(cluster.path(`.${host.name}.out.darner-part`), "r+");
    } catch {
      return;
    }
    const { size } = fs.fstatSync(file);
    for (let at = 0; at < size; at += 65_536) fs.writeSync(file, wrong, 0, wrong.length, at);
    fs.closeSync(file);
  }, 10);
  return { stop: () => clearInterval(timer) };
}

describe("bad peers", () => {
  test("one serves wrong bytes, one is stopped half-way: the other six end intact", async () => {
    await inCluster(async (cluster) => {
      cluster.expects("piece.spoiled", "peer.wrong-bytes", "peer.accused", "peer.shut-out");
      const path = "/data";
      const url = cluster.serve(path, { body: { sizeBytes, seed: 31 }, rateBytesPerSecond: 16_000_000 });
      const manager = await cluster.manager("manager", slowly);
      const hosts = await cluster.daemons(8, manager, slowly);
      const [liar, sleeper, ...good] = hosts as [Role, Role, ...Role[]];
      const lying = lie(cluster, liar);
      try {
        const running = hosts.map((host) => cluster.dfget(host, url, `${host.name}.out`));
        await until(() => cluster.origin.bodyBytes(path) > 0.5 * sizeBytes, "half of it came");
        sleeper.signal("SIGSTOP");
        for (const [index, host] of good.entries()) {
          const outcome = await running[index + 2]!.outcome;
          cluster.assertIntact(outcome, `${host.name}.out`, path);
          assert.ok(outcome.ms < boundMs, `${host.name} took ${outcome.ms} ms`);
        }
      } finally {
        lying.stop();
      }
      const accused = await manager.logged("peer.accused");
      assert.deepEqual([...new Set(accused.map(({ parent }) => parent))], [idOf(liar)], "and only the liar is accused");
      await liar.logged("piece.spoiled"); // Asked to look again, it finds its file changed.
      await manager.logged("peer.looked-at");
      for (const { host } of manager.entries("peer.shut-out")) assert.equal(host, idOf(liar));
      const wrong = hosts.flatMap((host) => host.entries("peer.wrong-bytes"));
      assert.ok(wrong.length <= 2 * good.length, `a liar is met once or twice by each: ${wrong.length}`);
      assert.ok(cluster.origin.bodyBytes(path) <= 1.01 * sizeBytes, "lies cost the origin nothing");

      sleeper.signal("SIGCONT");
      cluster.assertIntact(await cluster.dfget(sleeper, url, "late.out").outcome, "late.out", path);
    });
  });
});

/** A host's id follows from its key; the log of its piece connections names it. */
function idOf(host: Role): string {
  const pem = fs.readFileSync(`${host.dataDirectory}/daemon/key.pem`, "utf8");
  return signingKeyFromPem(pem).id;
}
