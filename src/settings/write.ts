/** Numbers as a person would write them, exact: reading the text gives the number back. */

type Unit = readonly [name: string, size: number];

const byteUnits: readonly Unit[] = [
  ["TiB", 2 ** 40],
  ["TB", 1e12],
  ["GiB", 2 ** 30],
  ["GB", 1e9],
  ["MiB", 2 ** 20],
  ["MB", 1e6],
  ["KiB", 1024],
  ["kB", 1e3],
];
const bitUnits: readonly Unit[] = [
  ["Gbit", 125_000_000],
  ["Mbit", 125_000],
];
const timeUnits: readonly Unit[] = [
  ["d", 86_400_000],
  ["h", 3_600_000],
  ["m", 60_000],
  ["s", 1000],
];

/** With the unit that needs the fewest digits; `plain` when none divides the value. */
function exact(value: number, units: readonly Unit[], plain: string): string {
  const fitting = units.filter(([, size]) => value >= size && value % size === 0);
  const texts = fitting.map(([unit, size]) => `${value / size}${unit}`);
  return texts.toSorted((a, b) => a.length - b.length)[0] ?? `${value}${plain}`;
}

export function writeBytes(value: number): string {
  return value === Infinity ? "unlimited" : exact(value, byteUnits, "");
}

export function writeRate(bytesPerSecond: number): string {
  return bytesPerSecond === Infinity ? "unlimited" : exact(bytesPerSecond, [...byteUnits, ...bitUnits], "");
}

export function writeDuration(ms: number): string {
  if (ms === Infinity) return "never";
  return ms === 0 ? "0s" : exact(ms, timeUnits, "ms");
}
