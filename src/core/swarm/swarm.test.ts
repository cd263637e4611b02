/** A crowd is fed evenly: the last host to finish is the one that its parents feed least. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { Bitfield } from "#base/mod.ts";
import { spreadEveryMs, Swarm } from "./swarm.ts";

/** Numbers in [0, 1) from one seed (Lehmer's generator as Park and Miller 1988 have it). */
function seeded(seed: number): () => number {
  let state = seed;
  return () => (state = (state * 48_271) % 2_147_483_647) / 2_147_483_647;
}

const hosts = 1000;
const pieces = 4096;
const quiet = { starving: false, seeding: false, upBytesPerSecond: 1e6, downBytesPerSecond: 1e6 } as const;

/** A thousand hosts that came at once; their ids are h0 to h999. */
function crowdOf(unit: () => number): { readonly swarm: Swarm; readonly nowMs: number } {
  const swarm = new Swarm([], unit);
  let nowMs = 0;
  for (let number = 0; number < hosts; number++) {
    const id = `h${number}`;
    swarm.join({ id, name: id, site: "", address: "", port: 0 }, new Bitfield(pieces), nowMs);
    // The manager greets a hundred hosts at a time.
    if (number % 100 === 99) swarm.match((nowMs += 4));
  }
  for (; swarm.unspread; nowMs += spreadEveryMs) swarm.match(nowMs);
  return { swarm, nowMs };
}

/** What the worst and the best fed host get when each parent shares its line among its children. */
function fedIn(swarm: Swarm): { readonly least: number; readonly most: number } {
  const fed = swarm.members.map(({ parents }) => {
    let share = 0;
    for (const parent of parents) share += 1 / parent.children.size;
    return share;
  });
  return { least: Math.min(...fed), most: Math.max(...fed) };
}

function newSeed(): number {
  return Number(process.env["DARNER_SEED"] ?? 1 + Math.floor(Math.random() * 1e6));
}

test("of a thousand hosts that come at once each is fed as much as it feeds", () => {
  const seed = newSeed();
  const { least, most } = fedIn(crowdOf(seeded(seed)).swarm);
  assert.ok(
    least > 0.95 && most < 1.15,
    `from ${least.toFixed(3)} to ${most.toFixed(3)}; replay with DARNER_SEED=${seed}`,
  );
});

test("starving hosts leave a crowd uneven; as they report, it comes back to each being fed as much as it feeds", () => {
  const seed = newSeed();
  const unit = seeded(seed);
  const { swarm, nowMs: matchedMs } = crowdOf(unit);
  let nowMs = matchedMs;
  const replay = `replay with DARNER_SEED=${seed}`;
  // A tenth has a piece that the others starve for, long after they came.
  for (let number = 0; number < hosts / 10; number++) swarm.report(`h${number}`, { ...quiet, news: [0] }, nowMs);
  nowMs += 20_000;
  for (let number = hosts / 10; number < hosts; number++)
    swarm.report(`h${number}`, { ...quiet, news: [], starving: true }, nowMs);
  assert.ok(fedIn(swarm).least < 0.9, `some are fed badly: ${fedIn(swarm).least.toFixed(3)}; ${replay}`);

  for (let round = 0; round < 20; round++) {
    nowMs += 500;
    for (let number = 0; number < hosts; number++)
      swarm.report(`h${number}`, { ...quiet, news: [1 + Math.floor(unit() * (pieces - 1))] }, nowMs);
  }
  const { least, most } = fedIn(swarm);
  // Of eighty seeds one or two leave somebody a parent too few, or too many.
  assert.ok(least > 0.92 && most < 1.15, `from ${least.toFixed(3)} to ${most.toFixed(3)}; ${replay}`);
});

test("while few hosts of a young crowd have anything, those that starve keep the parents they have", () => {
  const seed = newSeed();
  const { swarm, nowMs } = crowdOf(seeded(seed));
  for (let number = 0; number < hosts / 10; number++) swarm.report(`h${number}`, { ...quiet, news: [0] }, nowMs);
  for (let number = hosts / 10; number < hosts; number++)
    swarm.report(`h${number}`, { ...quiet, news: [], starving: true }, nowMs + 3_000);
  const { least } = fedIn(swarm);
  assert.ok(least > 0.9, `the worst fed gets ${least.toFixed(3)}; replay with DARNER_SEED=${seed}`);
});
