/** What the manager keeps, for how long, and what leaves when there is no room: through real processes. */

import assert from "node:assert/strict";
import * as fs from "node:fs";
import { after, before, describe, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { taskIdOf } from "#transfer/mod.ts";
import { ask, Cluster, inCluster, type Role } from "./cluster.ts";

const sizeBytes = 3_000_000;
/** Beyond the second in which an answer without a lifetime is not asked about again. */
const nextWaveMs = 1100;

describe("a second wave", { concurrency: 3 }, () => {
  let cluster: Cluster;
  let manager: Role;
  let hosts: Role[];
  before(async () => {
    cluster = await Cluster.start();
    manager = await cluster.manager();
    hosts = await cluster.daemons(2, manager);
  });
  after(() => cluster.end());

  async function twoWaves(path: string, headers: Readonly<Record<string, string>>): Promise<string> {
    const url = cluster.serve(path, { body: { sizeBytes, seed: path.length }, headers });
    cluster.assertIntact(await cluster.dfget(hosts[0], url, `${path}-1`.slice(1)).outcome, `${path}-1`.slice(1), path);
    await delay(nextWaveMs);
    cluster.assertIntact(await cluster.dfget(hosts[1], url, `${path}-2`.slice(1)).outcome, `${path}-2`.slice(1), path);
    return cluster.origin
      .requestsOf(path)
      .map(({ status }) => status)
      .join(" ");
  }

  test("of a fresh object asks the origin nothing", async () => {
    assert.equal(await twoWaves("/fresh", { "cache-control": "max-age=600" }), "200");
  });

  test("of an object without a lifetime asks once whether it is still true", async () => {
    assert.equal(await twoWaves("/stale", {}), "200 304");
  });

  test("of a no-store object gets it anew", async () => {
    assert.equal(await twoWaves("/no-store", { "cache-control": "no-store" }), "200 200");
  });

  test("of a changed object gets the new one, on the first host too", async () => {
    const url = cluster.serve("/moved", { body: { sizeBytes, seed: 9 }, changeAfterRequests: 1 });
    cluster.assertIntact(await cluster.dfget(hosts[0], url, "m1").outcome, "m1", "/moved");
    await delay(nextWaveMs);
    cluster.assertIntact(await cluster.dfget(hosts[1], url, "m2").outcome, "m2", "/moved", 2);
    cluster.assertIntact(await cluster.dfget(hosts[0], url, "m3").outcome, "m3", "/moved", 2);
    assert.equal(cluster.origin.bodyBytes("/moved"), 2 * sizeBytes);
  });

  test("on the same host, of a fresh object, is a copy", async () => {
    const headers = { "cache-control": "max-age=600" };
    const url = cluster.serve("/same", { body: { sizeBytes, seed: 10 }, headers });
    cluster.assertIntact(await cluster.dfget(hosts[0], url, "s1").outcome, "s1", "/same");
    const { stdout } = await cluster.dfget(hosts[0], url, "s2", ["--json"]).outcome;
    assert.match(stdout, /"event":"done".*"bytes":\{"origin":0,"peers":0,"local":3000000\}/);
    assert.equal(cluster.origin.requestsOf("/same").length, 1);
  });
});

test("a manager's restart keeps what it has", async () => {
  await inCluster(async (cluster) => {
    const headers = { "cache-control": "max-age=600" };
    const url = cluster.serve("/data", { body: { sizeBytes, seed: 11 }, headers });
    const manager = await cluster.manager();
    const first = await cluster.daemon("h1", manager);
    cluster.assertIntact(await cluster.dfget(first, url, "one").outcome, "one", "/data");
    await first.end();
    await manager.end();
    await manager.start();
    const second = await cluster.daemon("h2", manager);
    cluster.assertIntact(await cluster.dfget(second, url, "two").outcome, "two", "/data");
    assert.equal(cluster.origin.requestsOf("/data").length, 1);
  });
});

describe("a quota of 64 MiB", () => {
  let cluster: Cluster;
  let manager: Role;
  let host: Role;
  const megabytes = (count: number) => ({ sizeBytes: count * 1_000_000, seed: count });
  before(async () => {
    cluster = await Cluster.start();
    manager = await cluster.manager("manager", ["--disk-quota", "64MiB"]);
    host = await cluster.daemon("h1", manager);
  });
  after(() => cluster.end());

  const kept = (): string[] => fs.readdirSync(`${manager.dataDirectory}/cluster-manager/tasks`);
  const taskOf = (url: string): string => taskIdOf({ url, headers: {}, filterQuery: [], tag: "" });

  async function get(path: string, size: number, at: Role): Promise<string> {
    const url = cluster.serve(path, { body: megabytes(size) });
    cluster.assertIntact(await cluster.dfget(at, url, path.slice(1)).outcome, path.slice(1), path);
    return url;
  }

  test("the least recently used leaves first; what is pinned or served stays", async () => {
    const guest = await cluster.daemon("guest", manager);
    const pinned = await get("/pinned", 11, guest);
    const old = await get("/old", 12, guest);
    const recent = await get("/recent", 13, guest);
    const { status } = await ask({ port: manager.port }, `/v1/tasks/${taskOf(pinned)}/pin`, {});
    assert.equal(status, 200);
    const escaping = await ask({ port: manager.port }, "/v1/tasks/..%2F..%2Fescaped/pin", {});
    assert.equal(escaping.status, 400);
    assert.ok(!fs.existsSync(`${manager.dataDirectory}/escaped`));
    // Its hosts are gone: nobody is served from these any more.
    await guest.end();
    await manager.until(async () => (await manager.metric("darner_hosts")) === 1, "the guest is gone");
    const served = await get("/served", 14, host);
    const next = await get("/next", 15, host);
    assert.deepEqual(
      new Set(kept()),
      new Set([pinned, recent, served, next].map(taskOf)),
      `old (${taskOf(old)}) leaves, and only that`,
    );
    assert.ok((await manager.metric("darner_cache_bytes")) <= 0.9 * 64 * 2 ** 20);
  });

  test("an object larger than the quota: the host goes to the origin itself", async () => {
    const url = cluster.serve("/large", { body: megabytes(70) });
    const before = await manager.metric("darner_origin_bytes");
    const outcome = await cluster.dfget(host, url, "large", ["--explain"]).outcome;
    cluster.assertIntact(outcome, "large", "/large");
    assert.match(outcome.stderr, /the manager cannot help: cannot keep an object of 70\.0 MB/);
    const forbidden = await cluster.dfget(host, `${url}?2`, "larger", ["--no-back-to-source"]).outcome;
    assert.equal(forbidden.status, 32, forbidden.stderr);
    // What the manager leaves unread lies in buffers of the kernel by then.
    assert.ok(cluster.origin.bodyBytes("/large") < 100_000_000, "the host alone asked for all of it");
    const taken = (await manager.metric("darner_origin_bytes")) - before;
    assert.ok(taken < 1_000_000, `the manager took ${taken} bytes of it`);
  });
});

test("what a client got that then failed by a digest of its own makes room for others", async () => {
  await inCluster(async (cluster) => {
    const host = await cluster.daemon("h1", await cluster.manager(), ["--cache-quota", "64MiB"]);
    const megabytes = 40;
    const read = async (path: string, flags: readonly string[] = []): Promise<string> => {
      const url = cluster.serve(path, { body: { sizeBytes: megabytes * 1_000_000, seed: path.length } });
      const { status, stderr } = await cluster.dfget(host, url, "-", flags).outcome;
      return status === 0 ? "" : stderr;
    };
    assert.match(await read("/one", ["--digest", `md5:${"0".repeat(32)}`]), /its digest is md5:/);
    assert.equal(await read("/two", ["--no-back-to-source"]), "");
  });
});
