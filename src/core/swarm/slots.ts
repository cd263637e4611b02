/**
 * How many pieces a seed sends side by side.
 *
 * One piece should take about the same time from everybody: a host shares its line among eight, so a
 * seed whose line carries that of many hosts takes more, as learned from what it sends and from what
 * hosts say that they receive. Otherwise it would wait for hosts that can't take more.
 */

const slotsMax = 128;
/** Slots for each host whose line the seed could fill: one is being served while the next one begins. */
const slotsPerHost = 2;

/** Rates in bytes a second; `slotsMin` where nothing is known yet. */
export function seedSlots(sentBytesPerSecond: number, hostBytesPerSecond: number, slotsMin: number): number {
  if (hostBytesPerSecond <= 0) return slotsMin;
  const wanted = Math.ceil((slotsPerHost * sentBytesPerSecond) / hostBytesPerSecond);
  return Math.max(slotsMin, Math.min(wanted, slotsMax));
}
