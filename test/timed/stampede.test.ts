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
    await Promise.all(hosts.map((host) => host.logged("manager.joined")));
    await manager.end("SIGKILL");
    cluster.serve("/data", { body: { sizeBytes, seed: 1 } });

    const watched = hosts.map((host) => new Watched(host));
    const outcomes = await Promise.all(running.map(({ outcome }) => outcome));
    for (const [index, outcome] of outcomes.entries()) cluster.assertIntact(outcome, `h${index + 1}.out`, "/data");
    await Promise.all(watched.map((one) => one.stop()));
    const most = mostWithin(watched, 1000);
    const mostOfThree = mostWithin(watched, 3000) / 3;
    const copies = cluster.origin.bodyBytes("/data") / sizeBytes;
    t.diagnostic(
      JSON.stringify({
        mostMbit: (most * 8) / 1e6,
        threeMbit: (mostOfThree * 8) / 1e6,
        copies,
        ms: Math.max(...outcomes.map(({ ms }) => ms)),
      }),
    );
    assert.ok(most <= budgetBytesPerSecond * tolerated, `${most} bytes in one second`);
    assert.ok(mostOfThree <= budgetBytesPerSecond * tolerated, `${mostOfThree} bytes a second in three`);
    assert.ok(mostOfThree > budgetBytesPerSecond / 3, `it was watched: ${mostOfThree}`);
  });
});

/**
 * What a host has read from the origin, looked at a few times a second. What the origin's kernel takes
 * ahead into the buffers of loopback is no measure: they hold whole objects.
 */
class Watched {
  /** The figure was true at some moment between asking and hearing. */
  readonly #looks: { readonly askedMs: number; readonly heardMs: number; readonly bytes: number }[] = [];
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

  get starts(): readonly number[] {
    return this.#looks.map(({ askedMs }) => askedMs);
  }

  /** What it has certainly read between these times. */
  bytesWithin(fromMs: number, toMs: number): number {
    const within = this.#looks.filter(({ askedMs, heardMs }) => askedMs >= fromMs && heardMs <= toMs);
    return within.length === 0 ? 0 : within.at(-1)!.bytes - within[0]!.bytes;
  }

  async #watch(): Promise<void> {
    while (!this.#over) {
      const askedMs = performance.now();
      const bytes = await this.#host.metric("darner_limited_bytes", 'limit="origin"');
      this.#looks.push({ askedMs, heardMs: performance.now(), bytes });
      await delay(100);
    }
  }
}

/** Of all of them, as far as it is certain. */
function mostWithin(watched: readonly Watched[], ms: number): number {
  const within = (fromMs: number): number =>
    watched.reduce((sum, one) => sum + one.bytesWithin(fromMs, fromMs + ms), 0);
  return Math.max(...watched.flatMap((one) => one.starts).map(within));
}
