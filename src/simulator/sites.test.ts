/** Several sites with thin lines between: what comes into each of them while hosts come and ways move. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { Cluster } from "./cluster.ts";

const mbit = 125_000;

test("hosts come one after the other, and the ways move to them: each piece still comes into a site once", () => {
  const line = { inBytesPerSecond: 20 * mbit, outBytesPerSecond: 20 * mbit, latencyMs: 0.2 };
  const host = { upBytesPerSecond: 50 * mbit, downBytesPerSecond: 50 * mbit };
  const sites = [line, line, line];
  const lengthBytes = 20e6;
  const boundMs = (1000 * lengthBytes) / line.inBytesPerSecond;
  for (const seed of [1, 2, 3]) {
    const cluster = new Cluster({
      seed,
      lengthBytes,
      originBytesPerSecond: 100 * mbit,
      seedsBytesPerSecond: [100 * mbit],
      latencyMs: 0.2,
      jitterMs: 0.1,
      hosts: Array.from({ length: 18 }, (_, number) => ({ ...host, site: number % 3, startMs: 300 * number })),
      sites,
    });
    cluster.run(60_000);
    const copies = sites.map((_, site) => cluster.network.sites!.lines.intoBytes(site) / lengthBytes);
    const lastMs = Math.max(...cluster.hosts.map(({ finishedMs = Infinity }) => finishedMs));
    const told = `seed ${seed}: ${copies.join(", ")} copies, the last has it after ${lastMs} ms`;
    assert.ok(Math.max(...copies) <= 1.003, told);
    assert.ok(lastMs <= 1.15 * boundMs, told);
  }
});
