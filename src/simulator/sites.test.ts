/** Several sites with thin lines between: what comes into each of them while hosts come and ways move. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { Cluster } from "./cluster.ts";
import type { Fault } from "./faults.ts";

const mbit = 125_000;

const line = { inBytesPerSecond: 20 * mbit, outBytesPerSecond: 20 * mbit, latencyMs: 0.2 };
const sites = [line, line, line];
const lengthBytes = 20e6;
/** One piece of 305 may come twice. */
const onceMax = 1.004;
const boundMs = (1000 * lengthBytes) / line.inBytesPerSecond;

/** Eighteen hosts by turns in three sites, each so long after the one before. */
function run(seed: number, { originMbit, apartMs, faults = [] }: Played) {
  const host = { upBytesPerSecond: 50 * mbit, downBytesPerSecond: 50 * mbit };
  const cluster = new Cluster({
    seed,
    lengthBytes,
    originBytesPerSecond: originMbit * mbit,
    seedsBytesPerSecond: [100 * mbit],
    latencyMs: 0.2,
    jitterMs: 0.1,
    hosts: Array.from({ length: 18 }, (_, number) => ({ ...host, site: number % 3, startMs: apartMs * number })),
    sites,
    faults,
  });
  cluster.run(60_000);
  const { lines } = cluster.network.sites!;
  const copies = sites.map((_, site) => lines.intoBytes(site) / lengthBytes);
  const lastOf = (site: number): number =>
    Math.max(...cluster.hosts.map(({ finishedMs = Infinity }, number) => (number % 3 === site ? finishedMs : 0)));
  const lastMs = Math.max(...sites.map((_, site) => lastOf(site)));
  const outCopies = lines.outBytes(0) / lengthBytes;
  const told = `seed ${seed}: ${copies.join(", ")} copies, ${outCopies} out, the last has it after ${lastMs} ms`;
  return { copiesMax: Math.max(...copies), outCopies, lastMs, lastOf, told };
}

interface Played {
  readonly originMbit: number;
  readonly apartMs: number;
  readonly faults?: readonly Fault[];
}

test("hosts come one after the other, and the ways move to them: each piece still comes into a site once", () => {
  for (const seed of [1, 2, 3]) {
    const { copiesMax, lastMs, told } = run(seed, { originMbit: 100, apartMs: 300 });
    assert.ok(copiesMax <= onceMax, told);
    assert.ok(lastMs <= 1.15 * boundMs, told);
  }
});

test("an origin no faster than the lines: each piece leaves the seeds' site once, and other sites share it", () => {
  for (const seed of [1, 2, 3]) {
    const { copiesMax, outCopies, lastMs, told } = run(seed, { originMbit: 20, apartMs: 0 });
    assert.ok(copiesMax <= onceMax && outCopies <= 1.01, told);
    assert.ok(lastMs <= 1.13 * boundMs, told);
  }
});

test("a site that got half of the pieces first is cut off: the other one waits for each only for a moment", () => {
  const hosts = [1, 4, 7, 10, 13, 16];
  const cutOff: Fault = { kind: "partition", hosts, withManager: false, atMs: 0.5 * boundMs, forMs: 2 * boundMs };
  for (const seed of [1, 2, 3]) {
    const { lastOf, told } = run(seed, { originMbit: 20, apartMs: 0, faults: [cutOff] });
    assert.ok(lastOf(2) <= 1.3 * boundMs, `${told}; the site that was not cut off after ${lastOf(2)} ms`);
  }
});
