/** Whose work an idle parent takes over: what would wait longest elsewhere, and clearly longer than with itself. */

import type { Parent } from "./parent.ts";
import { guessMs } from "./window.ts";

const waitFactor = 1.5;

/** The slowest of those that something stands with that the idle one could send. */
export function slowestFor(idle: Parent, parents: Iterable<Parent>, nowMs: number): Parent | undefined {
  let slowest: Parent | undefined;
  let slowestMs = waitFactor * idle.intervalMs(nowMs, guessMs);
  for (const parent of parents) {
    if (parent === idle || parent.standing.length === 0 || (idle.across && !parent.across)) continue;
    const waitMs = parent.owed * parent.intervalMs(nowMs, guessMs);
    if (waitMs <= slowestMs || idle.lastOf(parent.standing) === undefined) continue;
    slowest = parent;
    slowestMs = waitMs;
  }
  return slowest;
}
