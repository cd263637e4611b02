/**
 * What lies between all processes: how long a message is on its way, and who cannot reach whom for a
 * while. Processes are known by number here; the manager and its seeds are one place.
 */

import type { Chance } from "./random.ts";

/** The manager and its seeds, beside the hosts, which count from 0. */
export const managerPlace = -1;

interface Partition {
  readonly inside: ReadonlySet<number>;
  readonly untilMs: number;
}

export class Network {
  readonly latencyMs: number;
  /** What chance adds to the latency at most. */
  jitterMs: number;
  readonly #chance: Chance;
  #partitions: Partition[] = [];

  constructor(chance: Chance, latencyMs: number, jitterMs: number) {
    this.#chance = chance;
    this.latencyMs = latencyMs;
    this.jitterMs = jitterMs;
  }

  /** How long the next message takes one way. */
  oneWayMs(): number {
    return this.jitterMs > 0 ? this.latencyMs + this.#chance.unit() * this.jitterMs : this.latencyMs;
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
