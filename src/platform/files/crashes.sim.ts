/**
 * Every state in which a machine that stopped may find a simulated disk: after `kill -9`, which loses
 * nothing that the kernel has taken, and after a loss of power, which loses any of the changes that
 * have not been flushed, in any order. (Nothing here flushes: all changes after `from` are outstanding.
 * The kernel writes the older ones by itself, so that mostly the last few are lost.)
 */

import type { DiskChange, SimDisk } from "./disk.sim.ts";

export interface Crash {
  /** How to find it again. */
  readonly name: string;
  readonly disk: SimDisk;
}

/** After each change behind `from`, and within each write: at every byte when `everyByte`, else in its middle. */
export function* killed(disk: SimDisk, from: number, everyByte: boolean): Generator<Crash> {
  const { changes } = disk;
  for (let count = from; count <= changes.length; count++) {
    const last = count === from ? undefined : changes[count - 1];
    const bytes = last?.kind === "write" ? last.bytes.length : 0;
    for (let torn = everyByte ? 0 : bytes >> 1; torn < bytes; torn += everyByte ? 1 : bytes) {
      const cut = [...changes.slice(0, count - 1), tear(last!, torn)];
      yield { name: `killed within change ${count}, ${torn} bytes written`, disk: disk.replay(cut) };
    }
    yield { name: `killed after change ${count}`, disk: disk.replay(changes.slice(0, count)) };
  }
}

export interface PowerLossOptions {
  /** Changes before it are on the disk for good. */
  readonly from: number;
  /** All subsets of so many last changes are tried, at each instant. */
  readonly window: number;
  /** Beyond these: so many samples of any changes lost or torn. */
  readonly samples: number;
  readonly unit: () => number;
}

export function* powerLost(disk: SimDisk, options: PowerLossOptions): Generator<Crash> {
  const { from, window } = options;
  for (let count = from + 1; count <= disk.changes.length; count++) {
    const open = Math.min(window, count - from);
    // Without the last change it is an instant before this one.
    for (let subset = 0; subset < 2 ** (open - 1); subset++) {
      const kept = disk.changes.slice(0, count).filter((_, index) => {
        const bit = index - (count - open);
        return bit < 0 || index === count - 1 || (subset & (1 << bit)) !== 0;
      });
      yield { name: `power lost after change ${count}, subset ${subset} of ${open}`, disk: disk.replay(kept) };
    }
  }
  for (let sample = 0; sample < options.samples; sample++) yield sampled(disk, options, sample);
}

/** Any change lost, or torn if it is a write, at odds that differ from sample to sample. */
function sampled(disk: SimDisk, { from, unit }: PowerLossOptions, sample: number): Crash {
  const count = from + Math.floor(unit() * (disk.changes.length - from + 1));
  const odds = { lost: unit() * 0.6, torn: unit() * 0.3 };
  const kept: DiskChange[] = [];
  for (const [index, change] of disk.changes.slice(0, count).entries()) {
    const chance = unit();
    if (index < from || chance >= odds.lost + odds.torn || (chance >= odds.lost && change.kind !== "write"))
      kept.push(change);
    else if (chance >= odds.lost && change.kind === "write")
      kept.push(tear(change, Math.floor(unit() * change.bytes.length)));
  }
  return { name: `power lost after change ${count}, sample ${sample}`, disk: disk.replay(kept) };
}

function tear(change: DiskChange, bytes: number): DiskChange {
  return change.kind === "write" ? { ...change, bytes: change.bytes.subarray(0, bytes) } : change;
}
