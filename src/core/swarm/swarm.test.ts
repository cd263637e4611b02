/** A crowd that comes at once is fed evenly: the last host to finish is the one that its parents feed least. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { Bitfield } from "#base/mod.ts";
import { spreadEveryMs, Swarm } from "./swarm.ts";

/** Numbers in [0, 1) from one seed (Lehmer's generator as Park and Miller 1988 have it). */
function seeded(seed: number): () => number {
  let state = seed;
  return () => (state = (state * 48_271) % 2_147_483_647) / 2_147_483_647;
}

test("of a thousand hosts that come at once each is fed as much as it feeds", () => {
  const seed = Number(process.env["DARNER_SEED"] ?? 1 + Math.floor(Math.random() * 1e6));
  const swarm = new Swarm([], seeded(seed));
  let nowMs = 0;
  for (let number = 0; number < 1000; number++) {
    const id = `h${number}`;
    swarm.join({ id, name: id, site: "", address: "", port: 0 }, new Bitfield(100), nowMs);
    // The manager greets a hundred hosts at a time.
    if (number % 100 === 99) swarm.match((nowMs += 4));
  }
  for (; swarm.unspread; nowMs += spreadEveryMs) swarm.match(nowMs);
  const fed = swarm.members.map(({ parents }) => {
    let share = 0;
    for (const parent of parents) share += 1 / parent.children.size;
    return share;
  });
  const [least, most] = [Math.min(...fed), Math.max(...fed)];
  assert.ok(
    least > 0.95 && most < 1.15,
    `from ${least.toFixed(3)} to ${most.toFixed(3)}; replay with DARNER_SEED=${seed}`,
  );
});
