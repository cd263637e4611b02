/**
 * Clients that are killed at random moments, some of them with others that share their download, and come
 * back at once for the same object, another one or a part of it under the same name; readers that go away.
 * Everybody gets what he asked for, and the daemon keeps nothing of who is gone. `DARNER_TEST_MOMENTS` says
 * how many rounds, `DARNER_TEST_SEED` replays a run.
 */

import assert from "node:assert/strict";
import * as fs from "node:fs";
import * as http from "node:http";
import { test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { inCluster, until, type Cluster, type Role } from "./cluster.ts";

const rounds = Number(process.env["DARNER_TEST_MOMENTS"] ?? 5);
const seed = Number(process.env["DARNER_TEST_SEED"] ?? Date.now() % 1_000_000);
console.log(`${rounds} rounds; DARNER_TEST_MOMENTS=40 for many; DARNER_TEST_SEED=${seed}`);

let state = seed;
function unit(): number {
  state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
  return state / 2 ** 32;
}

const part = { start: 1000, end: 1_500_999 };

/** What the client comes back for. */
const comebacks: readonly ((cluster: Cluster, host: Role, round: number, name: string) => Promise<void>)[] = [
  async (cluster, host, round, name) =>
    cluster.assertIntact(await cluster.dfget(host, cluster.origin.url(`/a${round}`), name).outcome, name, `/a${round}`),
  async (cluster, host, round, name) =>
    cluster.assertIntact(await cluster.dfget(host, cluster.origin.url(`/b${round}`), name).outcome, name, `/b${round}`),
  async (cluster, host, round, name) => {
    const range = ["--range", `${part.start}-${part.end}`];
    const { status, stderr } = await cluster.dfget(host, cluster.origin.url(`/a${round}`), name, range).outcome;
    assert.equal(status, 0, stderr);
    assert.equal(fs.statSync(cluster.path(name)).size, part.end - part.start + 1);
  },
];

test("killed at any moment, and back at once for this or that", async () => {
  await inCluster(async (cluster) => {
    const host = await cluster.daemon("h1", await cluster.manager());
    for (let round = 0; round < rounds; round++) {
      const sizeBytes = 2_000_000 + Math.floor(unit() * 4_000_000);
      const rateBytesPerSecond = 8_000_000;
      const url = cluster.serve(`/a${round}`, { body: { sizeBytes, seed: 2 * round }, rateBytesPerSecond });
      cluster.serve(`/b${round}`, { body: { sizeBytes: 2_500_000, seed: 2 * round + 1 }, rateBytesPerSecond });
      const name = `out${round}`;
      const killed = cluster.dfget(host, url, name);
      await delay(unit() * 400);
      const sharer = unit() < 0.6 ? cluster.dfget(host, url, `shared${round}`) : undefined;
      await delay(unit() * 900);
      killed.child.kill("SIGKILL");
      if (unit() < 0.5) await killed.outcome;
      await comebacks[Math.floor(unit() * comebacks.length)]!(cluster, host, round, name);
      if (sharer !== undefined) cluster.assertIntact(await sharer.outcome, sharer.output, `/a${round}`);
    }
    await assertFewFiles(host);
  });
});

test("readers that go away at any moment", async () => {
  await inCluster(async (cluster) => {
    const host = await cluster.daemon("h1", await cluster.manager());
    const read = async (round: number): Promise<void> => {
      const script = { body: { sizeBytes: 400_000, seed: round % 8 }, rateBytesPerSecond: 8_000_000 };
      const path = `/v1/object?url=${encodeURIComponent(cluster.serve(`/r${round % 8}`, script))}`;
      const leavesMs = unit() * 60;
      await new Promise<void>((resolve) => {
        const request = http.get({ socketPath: host.socketPath, path, agent: false }, (response) => {
          response.resume().on("close", resolve);
        });
        request.on("error", () => resolve());
        setTimeout(() => request.destroy(), leavesMs);
      });
    };
    for (let round = 0; round < 10 * rounds; round += 5)
      await Promise.all(Array.from({ length: 5 }, (_, index) => read(round + index)));
    await until(async () => (await host.metric("darner_downloads_active")) === 0, "nobody is waited for");
    await assertFewFiles(host);
  });
});

/** Two files are open for each task that is kept, beside what a daemon at rest has. */
async function assertFewFiles(host: Role): Promise<void> {
  const files = async (): Promise<number> =>
    fs.readdirSync(`/proc/${host.pid}/fd`).length - 2 * (await host.metric("darner_tasks"));
  await host.until(async () => (await files()) < 50, "few files are open beside those of tasks");
}
