/** Virtual time: order, far times, and where a run ends. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { Agenda } from "./agenda.ts";
import { Chance } from "./random.ts";

const never = (): boolean => false;

test("events happen in the order of their times, and those of one step as they were put, however far away", () => {
  const agenda = new Agenda(0.05);
  const chance = new Chance(1);
  const put: { readonly slot: number; readonly number: number }[] = [];
  const happened: number[] = [];
  const witness = { on: (_code: number, number: unknown) => void happened.push(number as number) };
  const later = (delayMs: number): void => {
    const number = put.length;
    put.push({ slot: Math.ceil((agenda.nowMs + delayMs) / agenda.stepMs - 1e-6), number });
    agenda.after(delayMs, witness, 0, number);
  };
  // Few different times, so that many events share a step: some put from afar, some when it was near.
  const putter = {
    on: () => {
      for (let time = 0; time < 3; time++) later(Math.floor(chance.unit() * 60) * 97.35);
    },
  };
  for (let number = 0; number < 2000; number++) agenda.after(chance.unit() * 8000, putter, 0);
  agenda.run(1e9, never);
  const expected = put.toSorted((a, b) => a.slot - b.slot || a.number - b.number).map(({ number }) => number);
  assert.deepEqual(happened, expected);
  assert.equal(agenda.happened, 2000 + 6000);
});

test("an event is never early and at most one step late", () => {
  const agenda = new Agenda(0.05);
  const delays = [0, 0.01, 0.05, 0.12, 819.17, 819.2, 1638.41, 5000.003];
  for (const delayMs of delays) {
    const dueMs = agenda.nowMs + delayMs;
    let atMs = NaN;
    agenda.after(delayMs, { on: () => (atMs = agenda.nowMs) }, 0);
    agenda.run(1e9, never);
    assert.ok(
      atMs >= dueMs - 1e-6 && atMs <= dueMs + agenda.stepMs,
      `${delayMs} ms came after ${atMs - dueMs + delayMs}`,
    );
  }
});

test("a run ends at its time, when it is over, and when nothing is left", () => {
  const agenda = new Agenda(0.05);
  let happened = 0;
  const counter = { on: () => happened++ };
  for (const atMs of [10, 20, 30]) agenda.after(atMs, counter, 0);
  agenda.run(15, never);
  assert.equal(happened, 1);
  agenda.run(1e9, () => happened === 2);
  assert.equal(happened, 2);
  agenda.run(1e9, never);
  assert.equal(happened, 3);
});
