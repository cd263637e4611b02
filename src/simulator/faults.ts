/**
 * What can go wrong in a cluster, and when. Faults are planned by hand or drawn from a seed; each has
 * its time, and all but a host that is lost for good end after `forMs`. Who lies is part of a host's plan.
 */

import type { Chance } from "./random.ts";

interface Timed {
  readonly atMs: number;
}

interface Passing extends Timed {
  readonly forMs: number;
}

interface Skew {
  readonly aheadMs: number;
  readonly rate: number;
}

export type Fault =
  /** The host's process is killed; its connections end. With `forMs` it starts again with what it had stored. */
  | (Timed & { readonly kind: "crash"; readonly host: number; readonly forMs?: number })
  /** The host's machine is gone for good, without a word. */
  | (Timed & { readonly kind: "power-cut"; readonly host: number })
  /** The host's process stands still; its connections stay. */
  | (Passing & { readonly kind: "pause"; readonly host: number })
  /** The host's lines run at a share of their rates. */
  | (Passing & { readonly kind: "slow-lines"; readonly host: number; readonly factor: number })
  | (Passing & { readonly kind: "slow-processor"; readonly host: number; readonly pieceMs: number })
  | (Passing & { readonly kind: "slow-disk"; readonly host: number; readonly pieceMs: number })
  /** These hosts, with the manager or without, and all others do not reach each other. */
  | (Passing & { readonly kind: "partition"; readonly hosts: readonly number[]; readonly withManager: boolean })
  /** One of the host's connections to its parents, by chance. */
  | (Timed & { readonly kind: "broken-connection"; readonly host: number })
  | (Passing & { readonly kind: "silent-connection"; readonly host: number })
  /** One of the connections between sites that carry a piece, by chance. */
  | (Timed & { readonly kind: "broken-crossing" })
  | (Timed & { readonly kind: "broken-control"; readonly host: number })
  | (Passing & { readonly kind: "silent-control"; readonly host: number })
  /** The host's clock is ahead of a sudden and runs at a rate of its own. */
  | (Passing & { readonly kind: "skewed-clock"; readonly host: number } & Skew)
  | (Passing & { readonly kind: "skewed-manager-clock" } & Skew)
  | (Passing & { readonly kind: "jitter"; readonly jitterMs: number })
  /** The manager and its seeds are killed and start again. */
  | (Passing & { readonly kind: "manager-restart" })
  /** The origin breaks the fetch; it is asked again after a while. */
  | (Passing & { readonly kind: "origin-cut" });

/** How far a clock jumps. */
const aheadMsMax = 30_000;

export interface FaultsOptions {
  readonly hosts: number;
  /** Every fault begins and ends before. */
  readonly untilMs: number;
  /** How long one piece takes on a host's line: slow disks and processors are measured by it. */
  readonly pieceMs: number;
}

/** What the slowest disk or processor takes for one piece. */
const slowPieceMsMax = 2_000;

/** Every sort of fault, some of them several times; at most a tenth of the hosts is lost for good. */
export function drawFaults(chance: Chance, { hosts, untilMs, pieceMs }: FaultsOptions): Fault[] {
  const faults: Fault[] = [];
  const slowMs = Math.min(5 * pieceMs, slowPieceMsMax);
  const host = (): number => Math.floor(chance.unit() * hosts);
  const some = (most: number): number => Math.floor(chance.unit() * (most + 1));
  const passing = (longestMs: number): Passing => {
    const forMs = chance.between(0.02, 1) * Math.min(longestMs, untilMs);
    return { atMs: chance.unit() * (untilMs - forMs), forMs };
  };
  const repeat = (times: number, make: () => Fault): void => {
    for (let time = 0; time < times; time++) faults.push(make());
  };
  repeat(some(hosts / 20), () => ({ kind: "crash", host: host(), atMs: chance.unit() * untilMs }));
  repeat(some(hosts / 20), () => ({ kind: "power-cut", host: host(), atMs: chance.unit() * untilMs }));
  repeat(some(hosts / 8), () => ({ kind: "crash", host: host(), ...passing(8_000) }));
  repeat(some(hosts / 8), () => ({ kind: "pause", host: host(), ...passing(15_000) }));
  repeat(some(hosts / 10), () => ({
    kind: "slow-lines",
    host: host(),
    factor: chance.between(0.02, 0.5),
    ...passing(untilMs),
  }));
  repeat(some(hosts / 10), () => ({
    kind: "slow-processor",
    host: host(),
    pieceMs: chance.unit() * slowMs,
    ...passing(untilMs),
  }));
  repeat(some(hosts / 10), () => ({
    kind: "slow-disk",
    host: host(),
    pieceMs: chance.unit() * slowMs,
    ...passing(untilMs),
  }));
  repeat(some(2), () => ({
    kind: "partition",
    hosts: Array.from({ length: 1 + some(hosts / 2) }, host),
    withManager: chance.unit() < 0.3,
    ...passing(15_000),
  }));
  repeat(some(hosts), () => ({ kind: "broken-connection", host: host(), atMs: chance.unit() * untilMs }));
  repeat(some(hosts), () => ({ kind: "silent-connection", host: host(), ...passing(20_000) }));
  repeat(some(hosts / 10), () => ({ kind: "broken-control", host: host(), atMs: chance.unit() * untilMs }));
  repeat(some(hosts / 10), () => ({ kind: "silent-control", host: host(), ...passing(20_000) }));
  repeat(some(2), () => ({ kind: "jitter", jitterMs: chance.unit() * 300, ...passing(5_000) }));
  repeat(some(2), () => ({ kind: "manager-restart", ...passing(6_000) }));
  repeat(some(2), () => ({ kind: "origin-cut", ...passing(2_000) }));
  return faults;
}

/** Clocks that jump ahead, and run at half to twice the true rate. From a row of numbers of their own. */
export function drawSkews(chance: Chance, { hosts, untilMs }: FaultsOptions): Fault[] {
  const skew = (): Passing & Skew => {
    const forMs = chance.unit() * untilMs;
    const aheadMs = chance.unit() < 0.5 ? 0 : chance.unit() * aheadMsMax;
    return { atMs: chance.unit() * (untilMs - forMs), forMs, aheadMs, rate: 2 ** chance.between(-1, 1) };
  };
  const count = Math.floor(chance.unit() * (hosts / 4 + 1));
  const skews = Array.from({ length: count }, (): Fault => {
    return { kind: "skewed-clock", host: Math.floor(chance.unit() * hosts), ...skew() };
  });
  return chance.unit() < 0.5 ? skews : [...skews, { kind: "skewed-manager-clock", ...skew() }];
}
