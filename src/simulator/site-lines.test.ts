/** The lines between sites: fair shares counted by hand, and nothing carried that no line could carry. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { Agenda } from "./agenda.ts";
import { Chance } from "./random.ts";
import { SiteLines, type SitePlan } from "./site-lines.ts";
import type { Wire } from "./wire.ts";

const never = (): boolean => false;
const stepMs = 0.01;
const site = (outBytesPerSecond: number, inBytesPerSecond = 1e9): SitePlan => ({
  outBytesPerSecond,
  inBytesPerSecond,
  latencyMs: 0,
});

function newScene(sites: readonly SitePlan[]) {
  const agenda = new Agenda(stepMs);
  const lines = new SiteLines(agenda, sites);
  const throughMs = new Map<number, number>();
  const numbers = new Map<Wire, number>();
  const parent = { crossed: (wire: Wire): void => void throughMs.set(numbers.get(wire)!, agenda.nowMs) };
  const start = (index: number, bytes: number, from: number, to: number): Wire => {
    const wire = { parent, bytes } as unknown as Wire;
    numbers.set(wire, index);
    lines.start(wire, from, to);
    return wire;
  };
  const at = (atMs: number, action: () => void): void => agenda.after(atMs, { on: action }, 0);
  const assertThrough = (expected: Readonly<Record<number, number>>): void => {
    assert.deepEqual([...throughMs.keys()].map(String).toSorted(), Object.keys(expected));
    for (const [index, ms] of Object.entries(expected)) {
      const wasMs = throughMs.get(Number(index))!;
      assert.ok(Math.abs(wasMs - ms) <= 3 * stepMs, `piece ${index} was through at ${wasMs} ms, not at ${ms}`);
    }
  };
  return { agenda, lines, start, at, assertThrough };
}

test("what leaves one site shares its line; what another line holds back leaves its share to the others", () => {
  const scene = newScene([site(1000), site(1000), site(1000, 100)]);
  scene.start(0, 90, 0, 2);
  scene.start(1, 900, 0, 1);
  scene.agenda.run(1e6, never);
  // 100 a second into the third site, so that 900 are left for the second one until 900 ms, and all of it then.
  scene.assertThrough({ 0: 900, 1: 990 });
  assert.ok(Math.abs(scene.lines.outBytes(0) - 990) < 0.1 && Math.abs(scene.lines.intoBytes(2) - 90) < 0.1);
});

test("who is cut off or silent takes nothing, and what had crossed counts", () => {
  const scene = newScene([site(1000), site(1000)]);
  const cut = scene.start(0, 1000, 0, 1);
  const silent = scene.start(1, 1000, 0, 1);
  scene.at(200, () => scene.lines.abandon(cut));
  scene.at(700, () => scene.lines.hold(silent, true));
  scene.at(1700, () => scene.lines.hold(silent, false));
  scene.agenda.run(1e6, never);
  // 100 each until 200 ms, then 500 alone, then a second of silence.
  scene.assertThrough({ 1: 2100 });
  assert.ok(Math.abs(scene.lines.intoBytes(1) - 1100) < 0.1);
});

test("no line carries more than it can, and all comes through", () => {
  const seed = 11;
  const chance = new Chance(seed);
  const plans = Array.from({ length: 5 }, () => site(chance.between(100, 1000), chance.between(100, 1000)));
  const scene = newScene(plans);
  let bytes = 0;
  for (let index = 0; index < 200; index++) {
    const from = Math.floor(chance.unit() * 5);
    const to = (from + 1 + Math.floor(chance.unit() * 4)) % 5;
    const size = chance.between(10, 200);
    bytes += size;
    scene.at(chance.unit() * 20_000, () => void scene.start(index, size, from, to));
  }
  let looks = 0;
  const look = (): void => {
    const seconds = Math.max(scene.agenda.nowMs, 1) / 1000;
    plans.forEach((plan, number) => {
      assert.ok(scene.lines.outBytes(number) <= plan.outBytesPerSecond * seconds + 1, `seed ${seed}`);
      assert.ok(scene.lines.intoBytes(number) <= plan.inBytesPerSecond * seconds + 1, `seed ${seed}`);
    });
    if (++looks < 60) scene.at(1000, look);
  };
  scene.at(1, look);
  scene.agenda.run(1e7, never);
  const carried = plans.reduce((sum, _, number) => sum + scene.lines.intoBytes(number), 0);
  assert.ok(Math.abs(carried - bytes) < 1, `seed ${seed}: ${carried} of ${bytes} bytes came through`);
});
