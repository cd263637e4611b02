/**
 * Who serves whom: the managers nearest to a host, and the managers of a task in the order of their
 * right to it. Everybody who holds the same list and asks the same question gets the same answer.
 */

import { assert } from "#base/mod.ts";
import { loadBand } from "./load.ts";
import type { ManagerEntry, ManagerHealth } from "./manager.ts";
import { hashText, rankByScore } from "./score.ts";
import { siteOf, type SiteRange } from "./site.ts";

export interface HostPlace {
  /** The site that the host names; absent, its address decides. */
  readonly site?: string | undefined;
  readonly address: string;
}

const healthRank: Readonly<Record<ManagerHealth, number>> = { up: 0, late: 1, draining: 2 };
/** The place of a manager in its list, behind its score: `managersMax` places. */
const placeBits = 10;

/**
 * All managers in the order in which a host should try them: its own site first, then the healthy,
 * then the less loaded (in coarse bands, or every host would run to the one that is idle this second),
 * then by a score of the host's address, which spreads the hosts evenly. Made once for a list and asked
 * for each host: a million hosts look every few minutes.
 */
export class NearestManagers {
  readonly #managers: readonly ManagerEntry[];
  readonly #ranges: readonly SiteRange[];
  readonly #sites: readonly (string | undefined)[];
  /** Health and load. */
  readonly #ranks: readonly number[];
  readonly #hashes: readonly number[];

  constructor(managers: readonly ManagerEntry[], ranges: readonly SiteRange[]) {
    assert(managers.length <= 1 << placeBits, "a list has at most `managersMax` managers");
    this.#managers = managers;
    this.#ranges = ranges;
    this.#sites = managers.map((manager) => siteOf(manager, ranges));
    this.#ranks = managers.map(({ health, load }) => 3 * healthRank[health] + loadBand(load));
    this.#hashes = managers.map(({ id }) => Number(BigInt.asUintN(32, hashText(id))));
  }

  /** Their places in the list, the nearest first; the first `near` of them are of the host's own site. */
  order(host: HostPlace): { readonly places: readonly number[]; readonly near: number } {
    const hostSite = siteOf(host, this.#ranges);
    const hash = Number(BigInt.asUintN(32, hashText(host.address)));
    const keys = new Float64Array(this.#managers.length);
    let near = 0;
    for (let place = 0; place < keys.length; place++) {
      const isNear = hostSite !== undefined && this.#sites[place] === hostSite;
      if (isNear) near++;
      const rank = this.#ranks[place]! + (isNear ? 0 : 9);
      keys[place] = (rank * 2 ** 32 + mix32(hash ^ this.#hashes[place]!)) * 2 ** placeBits + place;
    }
    keys.sort();
    return { places: Array.from(keys, (key) => key % 2 ** placeBits), near };
  }
}

/** MurmurHash3's finaliser for 32 bits (Appleby): every bit of the value moves every bit of the result. */
function mix32(value: number): number {
  let mixed = Math.imul(value ^ (value >>> 16), 0x85ebca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
  return (mixed ^ (mixed >>> 16)) >>> 0;
}

/**
 * The managers of a task, its owner first and then whom a new owner asks before the origin. Load and a
 * late renewal change nothing, lest ownership wander; a manager that drains comes behind the others.
 */
export function ownerOfTask(taskId: string, managers: readonly ManagerEntry[]): ManagerEntry[] {
  const ranked = rankByScore(taskId, managers);
  return [
    ...ranked.filter((manager) => manager.health !== "draining"),
    ...ranked.filter((manager) => manager.health === "draining"),
  ];
}

/**
 * The managers that a host asks for a task, the best first: those of its own site, by their right to the
 * task, then the others. Each site thus has an owner of its own, who asks the owner of them all.
 */
export function managersOfTask(taskId: string, managers: readonly ManagerEntry[]): ManagerEntry[] {
  const ranked = ownerOfTask(taskId, managers);
  return [...ranked.filter(({ near }) => near === true), ...ranked.filter(({ near }) => near !== true)];
}
