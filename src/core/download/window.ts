/** How many pieces may stand with one parent: enough to choose from, and about `windowMs` of its pace. */

import type { Parent } from "./parent.ts";

const windowPieces = { min: 3, max: 24, seedMin: 8 } as const;
const windowMs = 300;
/** Pace of a parent before its first piece. */
export const guessMs = 100;

export function windowOf(parent: Parent, nowMs: number): number {
  const min = parent.seed ? windowPieces.seedMin : windowPieces.min;
  if (!parent.measured) return min;
  const byPace = Math.ceil(windowMs / parent.intervalMs(nowMs, guessMs)) + 1;
  return Math.max(min, Math.min(byPace, windowPieces.max));
}
