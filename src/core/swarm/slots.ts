/**
 * How many pieces a seed sends side by side, and how many of them may be second copies.
 *
 * One piece should take about the same time from everybody: a host shares its line among eight, so a
 * seed whose line carries that of many hosts takes more, as learned from what it sends and from what
 * hosts say that they receive. Otherwise it would wait for hosts that can't take more.
 *
 * Pieces to other sites have slots of their own: their lines may be slow, and nobody near is to wait for
 * them; few, since the sooner a piece is whole the sooner it goes on.
 */

/** Pieces on their way to other sites side by side. */
export const acrossSlots = { host: 2, seed: 16 } as const;

const slotsMax = 128;
/** Slots for each host whose line the seed could fill: one is being served while the next one begins. */
const slotsPerHost = 2;

/** While an object is being fetched, second copies take at most this share of a seed's slots. */
const repeatShare = 0.25;

/**
 * Whether a seed with `slots` slots, of which `repeats` send what was sent before, may send one more second
 * copy while it still fetches. Too many would fill its uplink, in which the fetch's own acknowledgements
 * travel, and the swarm would starve on old pieces (measured: 34 s instead of 21 for 50 MB to 20 hosts).
 */
export function mayRepeatWhileFetching(repeats: number, slots: number): boolean {
  return repeats < Math.max(1, Math.floor(slots * repeatShare));
}

/** Rates in bytes a second; `slotsMin` where nothing is known yet. */
export function seedSlots(sentBytesPerSecond: number, hostBytesPerSecond: number, slotsMin: number): number {
  if (hostBytesPerSecond <= 0) return slotsMin;
  const wanted = Math.ceil((slotsPerHost * sentBytesPerSecond) / hostBytesPerSecond);
  return Math.max(slotsMin, Math.min(wanted, slotsMax));
}
