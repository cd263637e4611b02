/**
 * What no scheme can beat, printed beside every result.
 *
 * Fluid bound: max(F/C_s, F/d_min, N F / (C_s + sum u)) (Kumar and Ross, HOTWEB 2006): the seeds must
 * send each byte once, the slowest host must take it all, and all uplinks together must carry N copies.
 * Discrete bound: (F/u) (1 + floor(log2 N) / M) for M pieces and equal uplinks u (Mundinger, Weber,
 * Weiss, J. Scheduling 2008), which knows that a piece can be passed on only when it is whole.
 */

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

/** Seconds, for `hosts` hosts of one uplink rate that start together with one seed as fast as they are. */
export function discreteBoundSeconds(
  lengthBytes: number,
  pieces: number,
  hosts: number,
  upBytesPerSecond: number,
): number {
  return (lengthBytes / upBytesPerSecond) * (1 + Math.floor(Math.log2(hosts)) / pieces);
}
