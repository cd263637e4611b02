/**
 * What lies between all processes: how long a message is on its way, which site each is in, and who cannot
 * reach whom for a while. Processes are known by number here; the manager and its seeds are one place, in
 * the first site.
 */

import { Rows } from "#base/mod.ts";
import { lineRowNumbers } from "./lines.ts";
import type { Chance } from "./random.ts";
import type { SiteLines, SitePlan } from "./site-lines.ts";
import { wireRowNumbers, type Wire } from "./wire.ts";

/** The manager and its seeds, beside the hosts, which count from 0. */
export const managerPlace = -1;

interface Partition {
  readonly inside: ReadonlySet<number>;
  readonly untilMs: number;
}

/** Which site each place is in, and the lines between them. */
export interface Sites {
  readonly plans: readonly SitePlan[];
  readonly ofHost: readonly number[];
  readonly lines: SiteLines;
}

export class Network {
  readonly #latencyMs: number;
  /** What chance adds to the latency at most. */
  jitterMs: number;
  readonly #chance: Chance;
  readonly sites: Sites | undefined;
  /** The numbers of all connections. */
  readonly wires = new Rows(wireRowNumbers);
  /** Those of all line ends. */
  readonly lines = new Rows(lineRowNumbers);
  #partitions: Partition[] = [];

  constructor(chance: Chance, latencyMs: number, jitterMs: number, sites?: Sites) {
    this.#chance = chance;
    this.#latencyMs = latencyMs;
    this.jitterMs = jitterMs;
    this.sites = sites;
  }

  siteOf(place: number): number {
    return place === managerPlace ? 0 : (this.sites?.ofHost[place] ?? 0);
  }

  /** A piece leaves: if it goes to another site, the lines between carry it. */
  begins(wire: Wire): void {
    if (this.sites === undefined) return;
    const [from, to] = [this.siteOf(wire.parent.place), this.siteOf(wire.child.place)];
    if (from !== to) this.sites.lines.start(wire, from, to);
  }

  /** Without jitter, one way. */
  latencyMs(one: number, other: number): number {
    if (this.sites === undefined) return this.#latencyMs;
    const [from, to] = [this.siteOf(one), this.siteOf(other)];
    if (from === to) return this.#latencyMs;
    return this.#latencyMs + this.sites.plans[from]!.latencyMs + this.sites.plans[to]!.latencyMs;
  }

  /** How long the next message takes one way. */
  oneWayMs(one: number, other: number): number {
    const latencyMs = this.latencyMs(one, other);
    return this.jitterMs > 0 ? latencyMs + this.#chance.unit() * this.jitterMs : latencyMs;
  }

  /** Until `untilMs` the places inside and those outside cannot reach each other. */
  part(inside: ReadonlySet<number>, nowMs: number, untilMs: number): void {
    this.#partitions = this.#partitions.filter((partition) => partition.untilMs > nowMs);
    this.#partitions.push({ inside, untilMs });
  }

  /** When two places can reach each other again; 0 while they can. */
  partedUntilMs(one: number, other: number, nowMs: number): number {
    if (this.#partitions.length === 0) return 0;
    let untilMs = 0;
    for (const partition of this.#partitions) {
      if (partition.untilMs <= nowMs || partition.inside.has(one) === partition.inside.has(other)) continue;
      untilMs = Math.max(untilMs, partition.untilMs);
    }
    return untilMs;
  }
}
