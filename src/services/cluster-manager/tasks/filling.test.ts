/** When hosts are told that the origin is at work, and when they are not. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { manualClock } from "../../../../test/manual-clock.ts";
import { Filling } from "./filling.ts";

/** How often hosts hear of it in so long, while `does` is done every half second. */
async function notes(ms: number, does: (filling: Filling) => void): Promise<number> {
  const clock = manualClock();
  let told = 0;
  const filling = new Filling(clock, () => told++);
  filling.asked();
  for (let nowMs = 0; nowMs < ms; nowMs += 500) {
    does(filling);
    await clock.advance(500);
  }
  filling.stop();
  assert.equal(clock.waiting, 0);
  return told;
}

test("hosts hear that bytes come, and nothing while pieces come", async () => {
  assert.equal(await notes(6000, (filling) => filling.bytesCame()), 4);
  const pieces = (filling: Filling): void => (filling.bytesCame(), filling.pieceCame());
  assert.equal(await notes(6000, pieces), 0);
});

test("an answer is waited for, half a minute", async () => {
  assert.equal(await notes(120_000, () => undefined), 19);
});

test("an origin that stops in the middle is not spoken for", async () => {
  let count = 0;
  assert.equal(await notes(60_000, (filling) => count++ < 6 && filling.bytesCame()), 2);
});
