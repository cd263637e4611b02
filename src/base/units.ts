/**
 * Sizes, rates and times as people write them. Bytes: `10MB` is 10^7, `10MiB` is 10 x 2^20, a bare
 * letter (`10M`, as wget and curl have it) is binary. Rates: `10MB` a second, or `80Mbit` in bits.
 * Times: `250ms`, `10s`, `5m`, `2h`; a bare number means seconds.
 */

// oxfmt-ignore
const byteUnits: Readonly<Record<string, number>> = {
  "": 1, b: 1,
  k: 2 ** 10, m: 2 ** 20, g: 2 ** 30, t: 2 ** 40,
  kb: 1e3, mb: 1e6, gb: 1e9, tb: 1e12,
  kib: 2 ** 10, mib: 2 ** 20, gib: 2 ** 30, tib: 2 ** 40,
};
const bitUnits: Readonly<Record<string, number>> = { bit: 1 / 8, kbit: 125, mbit: 125_000, gbit: 125_000_000 };
// oxfmt-ignore
const timeUnits: Readonly<Record<string, number>> = { ms: 1, "": 1000, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };

function parseWith(text: string, units: Readonly<Record<string, number>>): number | undefined {
  const match = /^(\d+(?:\.\d+)?)\s*([a-z]*)$/i.exec(text.trim());
  if (match === null) return undefined;
  const name = match[2]!.toLowerCase();
  const value = Object.hasOwn(units, name) ? Number(match[1]) * units[name]! : Infinity;
  return value > Number.MAX_SAFE_INTEGER ? undefined : value;
}

/** Bytes in `text`, rounded, or undefined when it is not a size. */
export function parseBytes(text: string): number | undefined {
  const value = parseWith(text, byteUnits);
  return value === undefined ? undefined : Math.round(value);
}

/** Bytes a second in `text`; `0`, `off` and `unlimited` mean no limit (Infinity). */
export function parseRate(text: string): number | undefined {
  if (/^(off|unlimited|0)$/i.test(text.trim())) return Infinity;
  const value = parseWith(text.replace(/\/s$/i, ""), { ...byteUnits, ...bitUnits });
  return value === undefined || value < 1 ? undefined : Math.round(value);
}

/** Milliseconds in `text`, rounded, or undefined when it is not a time. */
export function parseDurationMs(text: string): number | undefined {
  const value = parseWith(text, timeUnits);
  return value === undefined ? undefined : Math.round(value);
}

function scaled(value: number, units: readonly string[], unit: string): string {
  let step = 0;
  while (value >= 999.5 && step < units.length - 1) {
    value /= 1000;
    step++;
  }
  const digits = step === 0 || value >= 99.95 ? 0 : value >= 9.995 ? 1 : 2;
  return `${value.toFixed(digits)} ${units[step]}${unit}`;
}

/** `1.25 GB`: decimal units, three digits. */
export function formatBytes(bytes: number): string {
  return scaled(bytes, ["", "k", "M", "G", "T", "P"], "B");
}

/** `12.5 MB/s`, or `unlimited`. */
export function formatRate(bytesPerSecond: number): string {
  return bytesPerSecond === Infinity ? "unlimited" : `${formatBytes(bytesPerSecond)}/s`;
}

/** `850 ms`, `12.3 s`, `4 min 05 s`, `2 h 10 min`. */
export function formatDuration(ms: number): string {
  if (ms < 999.5) return `${Math.round(ms)} ms`;
  if (ms < 59_950) return `${(ms / 1000).toFixed(1)} s`;
  const seconds = Math.round(ms / 1000);
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ${String(seconds % 60).padStart(2, "0")} s`;
  return `${Math.floor(seconds / 3600)} h ${String(Math.floor((seconds % 3600) / 60)).padStart(2, "0")} min`;
}
