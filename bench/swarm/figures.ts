/**
 * What a run's times and counters mean: the bound that bandwidth alone allows, and each run's figures
 * against it. Pure; times are milliseconds from the first start.
 */

import { median } from "../machine.ts";

/** The machines and their links. The first `slowHosts` hosts have `slowMbit` instead of `hostMbit`. */
export interface Layout {
  readonly hosts: number;
  readonly fileBytes: number;
  readonly hostMbit: number;
  readonly originMbit: number;
  readonly managerMbit: number;
  readonly slowHosts: number;
  readonly slowMbit: number;
  readonly staggerMs: number;
  /** 1: all machines are on one ground. Else the manager is in the first, the origin outside of all. */
  readonly sites: number;
  /** The line of each site, each way; with one site there is none. */
  readonly siteMbit: number;
}

/** What is read once before the first start and once after the last end; CPU in seconds, the rest in bytes. */
export interface Counters {
  readonly machineCpuSeconds: number;
  /** Undefined where no cgroup can be made. */
  readonly processCpuSeconds: number | undefined;
  readonly originSentBytes: number;
  readonly managerSentBytes: number;
  /** What came into each site. */
  readonly siteReceivedBytes: readonly number[];
}

/** `endMs` is undefined for a host that did not get the file in time. */
export interface HostTime {
  readonly startMs: number;
  readonly endMs: number | undefined;
}

export interface Figures {
  readonly finished: number;
  readonly intact: number;
  /** JSON has no infinity: times and ratios of a run in which a host is missing are null. */
  readonly makespanSeconds: number | null;
  readonly meanSeconds: number | null;
  readonly p50Seconds: number | null;
  readonly ratio: number | null;
  readonly ownSecondsMax: number | null;
  readonly ownRatioMax: number | null;
  readonly fastSecondsMax: number | null;
  readonly fastRatioMax: number | null;
  readonly originCopies: number;
  readonly managerCopies: number;
  /** The most that came into any site; null with one. */
  readonly siteCopiesMax: number | null;
  readonly cpuSecondsPerGb: number | null;
  readonly processCpuSecondsPerGb: number | null;
}

/** What TCP carries of a line's rate. */
const goodput = 0.95;

const bytesPerSecond = (mbit: number): number => (mbit * 1e6 * goodput) / 8;

export const rateMbit = (layout: Layout, index: number): number =>
  index < layout.slowHosts ? layout.slowMbit : layout.hostMbit;

/** F/d: how long the file takes on a line of this rate. */
export const lineSeconds = (layout: Layout, mbit: number): number => layout.fileBytes / bytesPerSecond(mbit);

const rates = (layout: Layout): number[] => Array.from({ length: layout.hosts }, (_, index) => rateMbit(layout, index));

/**
 * Kumar and Ross, "Peer-assisted file distribution: the minimum distribution time", 2006. While hosts send as
 * fast as they receive, the third term never decides.
 */
export function boundSeconds(layout: Layout): number {
  const hostRates = rates(layout);
  const supplyMbit = layout.originMbit + layout.managerMbit + hostRates.reduce((sum, rate) => sum + rate, 0);
  return Math.max(
    lineSeconds(layout, layout.originMbit),
    lineSeconds(layout, Math.min(...hostRates)),
    layout.hosts * lineSeconds(layout, supplyMbit),
    layout.sites > 1 ? lineSeconds(layout, layout.siteMbit) : 0,
  );
}

/** When a run is given up: three times what an origin alone would need, or the bound, and a minute. */
export function timeLimitSeconds(layout: Layout): number {
  const alone = layout.hosts * lineSeconds(layout, layout.originMbit);
  return 60 + 3 * Math.max(alone, boundSeconds(layout)) + (layout.staggerMs * layout.hosts) / 1000;
}

export function figuresOf(
  layout: Layout,
  times: readonly HostTime[],
  intact: number,
  before: Counters,
  after: Counters,
): Figures {
  const ends = times.flatMap(({ endMs }) => (endMs === undefined ? [] : [endMs / 1000]));
  const whole = ends.length === layout.hosts && intact === layout.hosts;
  const own = times.map(({ startMs, endMs }) => ((endMs ?? Number.NaN) - startMs) / 1000);
  const fast = own.slice(layout.slowHosts);
  const ifWhole = (figure: () => number): number | null => (whole ? figure() : null);
  const perGb = (cpuSeconds: number): number => cpuSeconds / ((layout.hosts * layout.fileBytes) / 1e9);
  const processCpu =
    before.processCpuSeconds === undefined || after.processCpuSeconds === undefined
      ? undefined
      : after.processCpuSeconds - before.processCpuSeconds;
  return {
    finished: ends.length,
    intact,
    makespanSeconds: ifWhole(() => Math.max(...ends)),
    meanSeconds: ifWhole(() => ends.reduce((sum, end) => sum + end, 0) / ends.length),
    p50Seconds: ifWhole(() => median(ends)),
    ratio: ifWhole(() => Math.max(...ends) / boundSeconds(layout)),
    ownSecondsMax: ifWhole(() => Math.max(...own)),
    ownRatioMax: ifWhole(() =>
      Math.max(...own.map((seconds, index) => seconds / lineSeconds(layout, rateMbit(layout, index)))),
    ),
    fastSecondsMax: ifWhole(() => Math.max(...fast)),
    fastRatioMax: ifWhole(() => Math.max(...fast) / lineSeconds(layout, layout.hostMbit)),
    originCopies: (after.originSentBytes - before.originSentBytes) / layout.fileBytes,
    siteCopiesMax:
      layout.sites > 1
        ? Math.max(...after.siteReceivedBytes.map((bytes, site) => bytes - before.siteReceivedBytes[site]!)) /
          layout.fileBytes
        : null,
    managerCopies: (after.managerSentBytes - before.managerSentBytes) / layout.fileBytes,
    cpuSecondsPerGb: ifWhole(() => perGb(after.machineCpuSeconds - before.machineCpuSeconds)),
    processCpuSecondsPerGb: processCpu === undefined ? null : ifWhole(() => perGb(processCpu)),
  };
}

/** The median of what is there; null where nothing is. */
export function medianOf(values: readonly (number | null)[]): number | null {
  const known = values.filter((value) => value !== null);
  return known.length === 0 ? null : median(known);
}

/** The median over rounds of `one` divided by `other` in the same round. */
export function medianRatio(one: readonly (number | null)[], other: readonly (number | null)[]): number | null {
  return medianOf(
    one.map((value, round) => {
      const divisor = other[round] ?? null;
      return value === null || divisor === null || divisor === 0 ? null : value / divisor;
    }),
  );
}
