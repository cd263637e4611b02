/** A crowd is fed evenly: the last host to finish is the one that its parents feed least. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { Bitfield } from "#base/mod.ts";
import type { SwarmChange } from "./report.ts";
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

test("a host that comes back has the seeds as before: no other host is given them and not told", () => {
  const unit = seeded(newSeed());
  const seed = { id: "seed", address: "", port: 0, seed: true };
  const swarm = new Swarm([seed], unit);
  const told = new Map<string, boolean>();
  const tell = (changes: readonly SwarmChange[]): void => {
    for (const { host, parents } of changes)
      told.set(
        host,
        parents.some(({ id }) => id === seed.id),
      );
  };
  const join = (number: number): void =>
    swarm.join({ id: `h${number}`, name: "", site: "", address: "", port: 0 }, new Bitfield(pieces), 0);
  for (let number = 0; number < 600; number++) join(number);
  for (let nowMs = 0; nowMs < 500; nowMs += spreadEveryMs) tell(swarm.match(nowMs));
  const seededHosts = (): number => [...told.values()].filter((isTold) => isTold).length;
  assert.equal(seededHosts(), 512);
  for (let number = 0; number < 50; number++) join(number);
  for (let nowMs = 500; nowMs < 1000; nowMs += spreadEveryMs) tell(swarm.match(nowMs));
  assert.equal(seededHosts(), 512);
});

test("a host that comes back in another site feeds nobody in the one that it left", () => {
  const swarm = new Swarm([], seeded(newSeed()), { home: "a" });
  const join = (id: string, site: string): void =>
    swarm.join({ id, name: "", site, address: "", port: 0 }, new Bitfield(pieces), 0);
  for (let number = 0; number < 20; number++) join(`h${number}`, "a");
  swarm.match(0);
  assert.ok(swarm.members.find(({ card }) => card.id === "h3")!.children.size > 0);
  join("h3", "b");
  swarm.match(spreadEveryMs);
  for (const { card, parents } of swarm.members)
    for (const parent of parents) assert.equal(parent.card.site, card.site, `${parent.card.id} feeds ${card.id}`);
});
