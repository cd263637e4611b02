/** Who feeds whom is what the manager says: where the two differ, some are fed too well and others too little. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { Cluster } from "./cluster.ts";

const mbit = 125_000;
const host = { upBytesPerSecond: 100 * mbit, downBytesPerSecond: 100 * mbit };

test("a crowd that comes within a fifth of a second is fed by those that its manager gave it, and by few others", () => {
  for (const seed of [1, 2]) {
    const cluster = new Cluster({
      seed,
      lengthBytes: 50e6,
      originBytesPerSecond: 2000 * mbit,
      seedsBytesPerSecond: [200 * mbit],
      latencyMs: 0.5,
      jitterMs: 0.2,
      hosts: Array.from({ length: 120 }, (_, number) => ({ ...host, startMs: (200 * number) / 120 })),
    });
    cluster.run(1_500);
    const given = new Map(cluster.manager.swarm.members.map(({ card, parents }) => [card.id, parents]));
    let others = 0;
    for (const { id, parents } of cluster.hosts) {
      const told = new Set(Array.from(given.get(id)!, ({ card }) => card.id));
      for (const parent of parents.keys()) if (!parent.startsWith("seed") && !told.has(parent)) others++;
    }
    // Who was exchanged a moment ago may still be in the middle of a piece.
    assert.ok(others <= 3, `seed ${seed}: ${others} parents feed somebody whom the manager has given others`);
  }
});

test("where half of the hosts are half as fast, the fast are fed as well as among themselves", () => {
  for (const seed of [1, 2]) {
    const slow = { upBytesPerSecond: host.upBytesPerSecond / 2, downBytesPerSecond: host.downBytesPerSecond / 2 };
    const lengthBytes = 100e6;
    const cluster = new Cluster({
      seed,
      lengthBytes,
      originBytesPerSecond: 2000 * mbit,
      seedsBytesPerSecond: [1000 * mbit],
      latencyMs: 0.5,
      jitterMs: 0.2,
      hosts: Array.from({ length: 120 }, (_, number) => (number % 2 === 0 ? slow : host)),
    });
    cluster.run(60_000);
    const fast = cluster.hosts.filter((_, number) => number % 2 > 0);
    const last = Math.max(...fast.map(({ finishedMs }) => finishedMs!));
    const times = last / ((1000 * lengthBytes) / host.downBytesPerSecond);
    assert.ok(times < 1.1, `seed ${seed}: the last of the fast takes ${times.toFixed(3)} of what its line takes`);
  }
});
