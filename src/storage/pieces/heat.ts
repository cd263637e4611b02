/**
 * What an object is worth to a cache: its uses, each worth half as much with every half-life that
 * passes, and what it costs to get it again for each byte that it takes.
 *
 * A heat is the time at which one single use would be worth as much as all the uses so far: it grows
 * with each use, needs no decay (all fall alike), and sorts like the time of the last use where each
 * was used once. Greedy-Dual-Size-Frequency (Cherkasova 1998) in one number.
 */

const halfLifeMs = 6 * 3_600_000;
/** What asking for an object costs beside its bytes, in bytes: a round trip, a request, its bookkeeping. */
const requestBytes = 1024 * 1024;
/** A million uses at once; more is a clock that was ahead when they were counted. */
const leadMsMax = 20 * halfLifeMs;

/** The heat after one more use. */
export function heatAfterUse(heatMs: number, nowMs: number): number {
  const apart = Math.abs(heatMs - nowMs) / halfLifeMs;
  return Math.max(heatMs, nowMs) + halfLifeMs * Math.log2(1 + 2 ** -apart);
}

/** A heat that was written down, as it may be believed. */
export function believableHeat(heatMs: number, nowMs: number): number {
  return Math.min(heatMs, nowMs + leadMsMax);
}

/** What is worth least leaves first: a small object stays longer than a large one that is as hot. */
export function worthOf(heatMs: number, bytes: number): number {
  return heatMs + halfLifeMs * Math.log2(1 + requestBytes / Math.max(1, bytes));
}
