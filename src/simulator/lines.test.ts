/** Line ends as fluids: exact shares of an uplink, and what a downlink lets through. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { Rows } from "#base/mod.ts";
import { Agenda } from "./agenda.ts";
import { Downlink, lineRowNumbers, Uplink } from "./lines.ts";
import { Chance } from "./random.ts";
import type { Wire } from "./wire.ts";

const never = (): boolean => false;
const stepMs = 0.01;
const rows = new Rows(lineRowNumbers);
const newDownlink = (bytesPerSecond: number): Downlink => new Downlink(rows, bytesPerSecond);
/** All that lines know of a connection. */
const wireTo = (downlink: Downlink): Wire => ({ child: { downlink } }) as unknown as Wire;

interface Scene {
  readonly agenda: Agenda;
  readonly uplink: Uplink;
  readonly wires: readonly Wire[];
  /** Piece -> when it was out. */
  readonly out: Map<number, number>;
  at(atMs: number, action: () => void): void;
}

/** One uplink of 1000 bytes a second, with children that can take it all. */
function newScene(children: number): Scene {
  const agenda = new Agenda(stepMs);
  const out = new Map<number, number>();
  const wires = Array.from({ length: children }, () => wireTo(newDownlink(1e9)));
  const uplink = new Uplink(agenda, rows, 1000, (wire) => out.set(wires.indexOf(wire), agenda.nowMs));
  return { agenda, uplink, wires, out, at: (atMs, action) => agenda.after(atMs, { on: action }, 0) };
}

function assertOut({ out }: Scene, expected: Readonly<Record<number, number>>): void {
  assert.deepEqual(new Set(out.keys()), new Set(Object.keys(expected).map(Number)));
  for (const [index, atMs] of Object.entries(expected)) {
    const wasMs = out.get(Number(index))!;
    assert.ok(Math.abs(wasMs - atMs) <= 2 * stepMs, `piece ${index} was out at ${wasMs} ms, not at ${atMs}`);
  }
}

test("pieces on their way share the uplink equally", () => {
  const scene = newScene(3);
  const { uplink, wires, agenda } = scene;
  uplink.start(wires[0]!, 300);
  uplink.start(wires[1]!, 600);
  scene.at(100, () => uplink.start(wires[2]!, 100));
  agenda.run(1e6, never);
  // 50 each until 100 ms; 100 each until 400; then 250 - 100 of the first, and 350 of the second.
  assertOut(scene, { 2: 400, 0: 700, 1: 1000 });
  assert.ok(Math.abs(uplink.sentBytes - 1000) <= 2 * stepMs);
  assert.ok(Math.abs(uplink.capacityBytes - 1000) <= 2 * stepMs);
});

test("on a fast line, what would be out within less than the agenda tells apart is out", () => {
  const agenda = new Agenda(0.1);
  const out: Wire[] = [];
  const uplink = new Uplink(agenda, rows, 1e9, (wire) => out.push(wire));
  const look = uplink.on.bind(uplink);
  uplink.on = (code, number) => {
    assert.ok(agenda.happened < 10, "it looks again and again");
    look(code, number);
  };
  // One step, and twenty times less than a millionth of one.
  uplink.start(wireTo(newDownlink(1e9)), 1e5 + 0.005);
  agenda.run(1, never);
  assert.equal(out.length, 1);
});

test("a line that slows down, stands still and goes on sends just what it can", () => {
  const scene = newScene(1);
  const { uplink, wires, agenda } = scene;
  uplink.start(wires[0]!, 1000);
  scene.at(100, () => uplink.setRate(500));
  scene.at(500, () => uplink.setRate(0));
  scene.at(2000, () => uplink.setRate(1000));
  agenda.run(1e6, never);
  assertOut(scene, { 0: 2700 });
});

test("who is abandoned or held takes nothing of the line, and goes on where it was", () => {
  const scene = newScene(3);
  const { uplink, wires, agenda } = scene;
  for (const wire of wires) uplink.start(wire, 300);
  scene.at(300, () => uplink.abandon(wires[0]!));
  scene.at(300, () => uplink.hold(wires[1]!));
  scene.at(800, () => uplink.release(wires[1]!));
  agenda.run(1e6, never);
  assertOut(scene, { 2: 500, 1: 1000 });
});

test("a downlink is never ahead of its rate and never stands still", () => {
  const downlink = newDownlink(1000);
  const piece = (startedMs: number, bytes: number) => ({ bytes, throughAtBytes: downlink.capacityBytes(startedMs) });
  assert.equal(downlink.out(piece(0, 100), 500), 500, "it came no faster than it was sent");
  assert.equal(downlink.out(piece(450, 100), 500), 550, "it may have begun to come while it was being sent");
  assert.equal(downlink.out(piece(450, 100), 500), 650, "and then comes behind the other");
  assert.equal(downlink.out(piece(2000, 100), 2000), 2100, "a line that was idle has saved nothing up");
});

test("a piece that is due comes later when the downlink slows down", () => {
  const downlink = newDownlink(1000);
  const piece = { bytes: 100, throughAtBytes: 0 };
  assert.equal(downlink.out(piece, 0), 100);
  downlink.setRate(100, 50);
  assert.equal(Math.round(downlink.wholeMs(piece, 100)), 550);
  assert.equal(downlink.wholeMs(piece, 550), 550);
});

test("whatever is sent to a downlink, none of its moments sees more than its rate", () => {
  const chance = new Chance(7);
  for (let round = 0; round < 50; round++) {
    const downlink = newDownlink(1000);
    const pieces: { readonly startedMs: number; readonly wholeMs: number; readonly bytes: number }[] = [];
    for (let outMs = 0; outMs < 5000; outMs += chance.between(1, 200)) {
      const startedMs = Math.max(0, outMs - chance.between(0, 800));
      const bytes = chance.between(10, 200);
      const wholeMs = downlink.out({ bytes, throughAtBytes: downlink.capacityBytes(startedMs) }, outMs);
      assert.ok(wholeMs >= outMs);
      pieces.push({ startedMs, wholeMs, bytes });
    }
    for (const { startedMs } of pieces) {
      for (const { wholeMs } of pieces) {
        const within = pieces.filter((piece) => piece.startedMs >= startedMs && piece.wholeMs <= wholeMs);
        const bytes = within.reduce((sum, piece) => sum + piece.bytes, 0);
        assert.ok(bytes <= wholeMs - startedMs + 1e-6 || within.length === 0);
      }
    }
  }
});
