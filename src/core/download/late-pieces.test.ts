/** A late piece comes a second time only where that is worth its place on the line. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { Bitfield } from "#base/mod.ts";
import type { DownloadEffect } from "./events.ts";
import type { PieceInterest } from "./interest.ts";
import { SwarmDownload } from "./swarm-download.ts";

function fieldOf(...indices: readonly number[]): Bitfield {
  const field = new Bitfield(8);
  for (const index of indices) field.set(index);
  return field;
}

/** What an idle parent is asked for when another has been sending piece 0 for long, and there is more to get. */
function askedOfIdle(interest: PieceInterest): readonly DownloadEffect[] {
  const download = new SwarmDownload({ held: new Bitfield(0), interest, inboundMax: 20, unit: () => 0 });
  const offer = (id: string) => ({ id, address: "10.0.0.1", port: 1, seed: false });
  download.step({ kind: "listed", indices: [0, 1, 2, 3] }, 0);
  download.step({ kind: "parents", offers: [offer("slow"), offer("fast")], entry: undefined }, 0);
  download.step({ kind: "opened", parent: "slow", pieces: fieldOf(0) }, 0);
  download.step({ kind: "started", parent: "slow", index: 0 }, 0);
  return download.step({ kind: "opened", parent: "fast", pieces: fieldOf(0) }, 3000);
}

test("what nobody waits for is not asked twice while other pieces are to be had", () => {
  assert.deepEqual(askedOfIdle({ wants: () => true, ahead: () => [] }), []);
});

test("what a reader waits for is", () => {
  const asked = askedOfIdle({ wants: () => true, ahead: () => [0] });
  assert.deepEqual(asked, [{ kind: "want", parent: "fast", indices: [0] }]);
});
