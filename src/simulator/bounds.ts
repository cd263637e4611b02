/**
 * What no scheme can beat, printed beside every result.
 *
 * Fluid bound: max(F/C_s, F/d_min, N F / (C_s + sum u)) (Kumar and Ross, HOTWEB 2006): the seeds must
 * send each byte once, the slowest host must take it all, and all uplinks together must carry N copies.
 * Discrete bound: a piece can be passed on only when it is whole. For one seed as fast as a host it is
 * (F/u) (1 + floor(log2 N) / M) with M pieces and equal lines u (Mundinger, Weber, Weiss, J. Scheduling
 * 2008). Seeds that together are k times as fast as a host start k hosts in each round, every host that
 * has a piece starts one more, so all N have begun after the first R rounds with k (2^R - 1) >= N, and
 * the last to begin ends M + R - 1 rounds after the start; k = 1 gives the formula above.
 * Lines between sites: max(F / out of the seeds' site, F / into each other one), since all of it must come in
 * somewhere by a line, and leave the seeds' site once.
 */

import type { SitePlan } from "./site-lines.ts";

export interface LinkRates {
  readonly upBytesPerSecond: number;
  readonly downBytesPerSecond: number;
}

/** Seconds, for hosts that start together. `seedBytesPerSecond`: what all seeds together can send. */
export function fluidBoundSeconds(
  lengthBytes: number,
  seedBytesPerSecond: number,
  hosts: readonly LinkRates[],
): number {
  let slowest = Infinity;
  let uplinks = seedBytesPerSecond;
  for (const host of hosts) {
    slowest = Math.min(slowest, host.downBytesPerSecond);
    uplinks += host.upBytesPerSecond;
  }
  return Math.max(lengthBytes / seedBytesPerSecond, lengthBytes / slowest, (hosts.length * lengthBytes) / uplinks);
}

/** Seconds; `away` are the sites with hosts beside the seeds'. */
export function siteBoundSeconds(lengthBytes: number, home: SitePlan, away: readonly SitePlan[]): number {
  if (away.length === 0) return 0;
  const slowest = away.reduce((least, { inBytesPerSecond }) => Math.min(least, inBytesPerSecond), Infinity);
  return lengthBytes / Math.min(slowest, home.outBytesPerSecond);
}

/** Seconds, for hosts that start together with lines of one rate each way, and seeds at least as fast as one host. */
export function discreteBoundSeconds(
  lengthBytes: number,
  pieces: number,
  hosts: number,
  hostBytesPerSecond: number,
  seedBytesPerSecond: number,
): number {
  const seedsAsHosts = Math.max(1, seedBytesPerSecond / hostBytesPerSecond);
  const rounds = Math.ceil(Math.log2(hosts / seedsAsHosts + 1));
  return (lengthBytes / hostBytesPerSecond) * (1 + (Math.max(1, rounds) - 1) / pieces);
}
