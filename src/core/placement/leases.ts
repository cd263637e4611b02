/**
 * The managers that hold a lease, as a state machine without a clock: time comes in with each event.
 *
 * 1. The list's version rises when, and only when, what a host is told changes: a manager joins or
 *    leaves, its facts, its health or its load's band change. A plain renewal changes nothing.
 * 2. A manager that misses a renewal is `late` after two thirds of its lease and gone after all of it.
 * 3. A list that was stored is taken up as it was, with fresh leases: a restart shows nothing.
 * 4. There are never more than `managersMax` managers.
 */

import { loadToPublish } from "./load.ts";
import type { ManagerEntry, ManagerFacts, ManagerHealth, ManagerList } from "./manager.ts";

export type Registered = "joined" | "changed" | "renewed" | "full";

interface Lease {
  readonly facts: ManagerFacts;
  readonly health: ManagerHealth;
  readonly renewedMs: number;
}

export interface LeasesOptions {
  readonly leaseMs: number;
  readonly managersMax: number;
  /** The list as it was last known. */
  readonly list: ManagerList;
  readonly nowMs: number;
}

export class ManagerLeases {
  readonly leaseMs: number;
  readonly #lateMs: number;
  readonly #managersMax: number;
  readonly #leases = new Map<string, Lease>();
  #version: number;
  #list: ManagerList | undefined;

  constructor(options: LeasesOptions) {
    this.leaseMs = options.leaseMs;
    this.#lateMs = (options.leaseMs * 2) / 3;
    this.#managersMax = options.managersMax;
    this.#version = options.list.version;
    for (const { health, ...entry } of options.list.managers.slice(0, options.managersMax)) {
      const facts = { ...entry, draining: health === "draining" };
      this.#leases.set(entry.id, { facts, health, renewedMs: options.nowMs });
    }
  }

  /** The list as hosts are told it, by id; the same object until it changes. */
  get list(): ManagerList {
    this.#list ??= { version: this.#version, managers: [...this.#leases.values()].map(toEntry).sort(byId) };
    return this.#list;
  }

  /** A manager registers, or renews. `full`: there is no room for one more. */
  register(facts: ManagerFacts, nowMs: number): Registered {
    const known = this.#leases.get(facts.id);
    if (known === undefined && this.#leases.size >= this.#managersMax) return "full";
    const load = known === undefined ? facts.load : loadToPublish(known.facts.load, facts.load);
    const lease: Lease = { facts: { ...facts, load }, health: facts.draining ? "draining" : "up", renewedMs: nowMs };
    this.#leases.set(facts.id, lease);
    if (known !== undefined && sameEntry(toEntry(known), toEntry(lease))) return "renewed";
    this.#changed();
    return known === undefined ? "joined" : "changed";
  }

  /** A manager says goodbye; false when it was not known. */
  leave(id: string): boolean {
    if (!this.#leases.delete(id)) return false;
    this.#changed();
    return true;
  }

  /** Time has passed: marks the late, drops those whose lease is over, and names these. */
  expire(nowMs: number): string[] {
    const left: string[] = [];
    let changed = false;
    for (const [id, lease] of this.#leases) {
      const silentMs = nowMs - lease.renewedMs;
      if (silentMs >= this.leaseMs) {
        this.#leases.delete(id);
        left.push(id);
      } else if (silentMs >= this.#lateMs && lease.health === "up") {
        this.#leases.set(id, { ...lease, health: "late" });
        changed = true;
      }
    }
    if (changed || left.length > 0) this.#changed();
    return left;
  }

  /** Nobody could renew for so long, since whoever asks here stood still: the leases last longer by it. */
  stoodStill(forMs: number): void {
    for (const [id, lease] of this.#leases) this.#leases.set(id, { ...lease, renewedMs: lease.renewedMs + forMs });
  }

  /** When `expire` has something to do next; undefined while nobody holds a lease. */
  nextDueMs(): number | undefined {
    let dueMs: number | undefined;
    for (const { health, renewedMs } of this.#leases.values()) {
      const ownDueMs = renewedMs + (health === "up" ? this.#lateMs : this.leaseMs);
      if (dueMs === undefined || ownDueMs < dueMs) dueMs = ownDueMs;
    }
    return dueMs;
  }

  /** The sites' ranges changed, and with them the order that hosts are told. */
  reordered(): void {
    this.#changed();
  }

  #changed(): void {
    this.#version++;
    this.#list = undefined;
  }
}

function toEntry({ facts, health }: Lease): ManagerEntry {
  const { id, url, site, address, load, version } = facts;
  return { id, url, site, address, load, version, health };
}

function byId(a: ManagerEntry, b: ManagerEntry): number {
  return a.id < b.id ? -1 : 1;
}

function sameEntry(a: ManagerEntry, b: ManagerEntry): boolean {
  return (
    a.url === b.url &&
    a.site === b.site &&
    a.address === b.address &&
    a.version === b.version &&
    a.health === b.health &&
    a.load === b.load
  );
}
