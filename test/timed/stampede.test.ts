/** The only manager dies early in a crowd's download: everybody finishes, and the origin is not run over. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { inCluster, until, type Role } from "../integration/cluster.ts";

const budgetBytesPerSecond = 50e6 / 8;
const tolerated = 52 / 50;
const sizeBytes = 5_000_000;

test("twenty hosts whose manager is gone finish within the origin's budget", { timeout: 200_000 }, async (t) => {
  await inCluster(async (cluster) => {
    const manager = await cluster.manager();
    const flags = ["--origin-budget", "50Mbit/s", "--origin-fallback-after", "1s"];
    const hosts: Role[] = [];
    for (let index = 1; index <= 20; index++) hosts.push(await cluster.daemon(`h${index}`, manager, flags));
    const url = cluster.serve("/data", { body: { sizeBytes, seed: 1 }, rateBytesPerSecond: 500_000 });
    const running = hosts.map((host) => cluster.dfget(host, url, `${host.name}.out`));
    await until(() => cluster.origin.bodyBytes("/data") > sizeBytes / 10, "a tenth of it left the origin");
    await until(() => hosts.every((host) => host.entries("manager.joined").length === 1), "all have met the manager");
    await manager.end("SIGKILL");
    cluster.serve("/data", { body: { sizeBytes, seed: 1 } });

    // By then the hosts have given each other what they had, and gone to the origin or not.
    await delay(2500);
    const watched = hosts.map((host) => new Watched(host));
    const outcomes = await Promise.all(running.map(({ outcome }) => outcome));
    for (const [index, outcome] of outcomes.entries()) cluster.assertIntact(outcome, `h${index + 1}.out`, "/data");
    await Promise.all(watched.map((one) => one.stop()));
    const most = mostInOneSecond(watched);
    const copies = cluster.origin.bodyBytes("/data") / sizeBytes;
    t.diagnostic(
      JSON.stringify({ mostMbitPerSecond: (most * 8) / 1e6, copies, ms: Math.max(...outcomes.map(({ ms }) => ms)) }),
    );
    assert.ok(most <= budgetBytesPerSecond * tolerated, `${most} bytes in one second`);
    assert.ok(most > budgetBytesPerSecond / 2, `it was watched: ${most}`);
  });
});

/**
 * What a host has read from the network, looked at a few times a second. What the origin's kernel takes
 * ahead into the buffers of loopback is no measure: they hold whole objects.
 */
class Watched {
  readonly #seen: { readonly atMs: number; readonly bytes: number }[] = [];
  readonly #host: Role;
  readonly #watching: Promise<void>;
  #over = false;

  constructor(host: Role) {
    this.#host = host;
    this.#watching = this.#watch();
  }

  async stop(): Promise<void> {
    this.#over = true;
    await this.#watching;
  }

  get times(): readonly number[] {
    return this.#seen.map(({ atMs }) => atMs);
  }

  /** Between two looks it is taken to have come evenly. */
  bytesAt(atMs: number): number {
    const next = this.#seen.findIndex((seen) => seen.atMs >= atMs);
    if (next === 0) return this.#seen[0]!.bytes;
    if (next < 0) return this.#seen.at(-1)!.bytes;
    const [before, after] = [this.#seen[next - 1]!, this.#seen[next]!];
    return before.bytes + ((after.bytes - before.bytes) * (atMs - before.atMs)) / (after.atMs - before.atMs);
  }

  async #watch(): Promise<void> {
    while (!this.#over) {
      const bytes = await this.#host.metric("darner_limited_bytes", 'limit="download"');
      this.#seen.push({ atMs: performance.now(), bytes });
      await delay(200);
    }
  }
}

function mostInOneSecond(watched: readonly Watched[]): number {
  const bytesAt = (atMs: number): number => watched.reduce((sum, one) => sum + one.bytesAt(atMs), 0);
  const times = watched.flatMap((one) => one.times);
  return Math.max(...times.map((atMs) => bytesAt(atMs) - bytesAt(atMs - 1000)));
}
