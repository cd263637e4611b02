/**
 * One simulated cluster manager: fetches the object from the origin once, lists its pieces, seeds them
 * through one or several seeds, and matches the hosts with the product's own `Swarm`. With several
 * seeds each fetches and seeds its share of the pieces.
 */

import type { ParentOffer, HostCard } from "#core/protocol/mod.ts";
import { spreadEveryMs, Swarm, type SwarmChange, type SwarmReport } from "#core/swarm/mod.ts";
import type { Actor, Agenda } from "./agenda.ts";
import type { Host, ManagerLine } from "./host.ts";
import type { Chance } from "./random.ts";
import { Sender } from "./sender.ts";

const fetchedCode = 0;
const listCode = 1;
const matchCode = 2;
const joinCode = 3;
const reportCode = 4;
const accuseCode = 5;
const keepAliveCode = 6;
const listEveryMs = 20;
const matchDelayMs = 5;
const keepAliveMs = 2_000;
/** While the object is being fetched, second copies take at most this share of a seed's slots. */
const repeatShare = 0.25;

export interface ManagerOptions {
  readonly agenda: Agenda;
  readonly chance: Chance;
  readonly pieces: number;
  readonly pieceBytes: number;
  readonly lengthBytes: number;
  readonly originBytesPerSecond: number;
  readonly seeds: readonly Seed[];
  readonly latencyMs: number;
}

export class Seed extends Sender {
  growing = true;

  protected override mayRepeat(): boolean {
    return !this.growing || this.repeats < Math.max(1, Math.floor(this.slots * repeatShare));
  }
}

export class Manager implements Actor, ManagerLine {
  readonly #options: ManagerOptions;
  readonly #hosts = new Map<string, Host>();
  readonly #listed: number[] = [];
  #unlisted: number[] = [];
  #listDue = false;
  #matchDue = false;
  #fetched = 0;
  swarm: Swarm;
  originPieces = 0;

  constructor(options: ManagerOptions) {
    this.#options = options;
    const offers = options.seeds.map(({ id }): ParentOffer => ({ id, address: "", port: 0, seed: true }));
    this.swarm = new Swarm(offers, options.chance.unit);
  }

  /** The first host asks: the fetch begins. */
  start(): void {
    this.#fetchNext();
    this.#options.agenda.after(keepAliveMs, this, keepAliveCode);
  }

  /** A host asks for the task; its word arrives after the latency. */
  join(host: Host): void {
    this.#options.agenda.after(this.#options.latencyMs, this, joinCode, host);
  }

  report(host: Host, report: SwarmReport): void {
    this.#options.agenda.after(this.#options.latencyMs, this, reportCode, [host, report]);
  }

  accuse(host: Host, parent: string): void {
    this.#options.agenda.after(this.#options.latencyMs, this, accuseCode, [host, parent]);
  }

  on(code: number, argument: unknown): void {
    const { nowMs } = this.#options.agenda;
    switch (code) {
      case fetchedCode:
        return this.#gained(argument as number);
      case listCode:
        return this.#list();
      case matchCode:
        this.#matchDue = false;
        this.#give(this.swarm.match(nowMs));
        if (this.swarm.unspread) this.#options.agenda.after(spreadEveryMs, this, matchCode);
        return;
      case joinCode:
        return this.#joined(argument as Host);
      case reportCode: {
        const [host, report] = argument as [Host, SwarmReport];
        return this.#give(this.swarm.report(host.id, report, nowMs));
      }
      case accuseCode: {
        const [host, parent] = argument as [Host, string];
        return this.#give(this.swarm.accuse(host.id, parent, nowMs));
      }
      case keepAliveCode:
        for (const seed of this.#options.seeds) seed.keepAlive();
        return this.#options.agenda.after(keepAliveMs, this, keepAliveCode);
    }
  }

  /** A host's connection is gone. */
  left(host: Host): void {
    this.#hosts.delete(host.id);
    this.#give(this.swarm.leave(host.id, this.#options.agenda.nowMs));
  }

  #fetchNext(): void {
    const { agenda, originBytesPerSecond, pieces, latencyMs, seeds } = this.#options;
    if (this.#fetched === pieces) return;
    const bytes = seeds[0]!.bytesOf(this.#fetched);
    // The first byte comes after the request's way there and back.
    const delayMs = (bytes / originBytesPerSecond) * 1000 + (this.#fetched === 0 ? 4 * latencyMs : 0);
    agenda.after(delayMs, this, fetchedCode, this.#fetched++);
  }

  #gained(index: number): void {
    const { seeds, agenda, pieces } = this.#options;
    this.originPieces++;
    const isLast = index === pieces - 1;
    for (const seed of seeds) if (isLast) seed.growing = false;
    seeds[index % seeds.length]!.gained(index);
    this.#unlisted.push(index);
    this.#fetchNext();
    if (this.#listDue) return;
    this.#listDue = true;
    agenda.after(index === 0 ? 0 : listEveryMs, this, listCode);
  }

  #list(): void {
    const { latencyMs, pieces } = this.#options;
    this.#listDue = false;
    const indices = this.#unlisted;
    this.#unlisted = [];
    for (const index of indices) this.#listed.push(index);
    for (const host of this.#hosts.values()) {
      host.listed(latencyMs, indices);
      if (this.#listed.length === pieces) host.ended(latencyMs, pieces);
    }
  }

  #joined(host: Host): void {
    const { latencyMs, pieces, agenda } = this.#options;
    this.#hosts.set(host.id, host);
    if (this.#listed.length > 0) host.listed(latencyMs, this.#listed.slice());
    if (this.#listed.length === pieces) host.ended(latencyMs, pieces);
    const card: HostCard = { id: host.id, name: host.id, site: "", address: "", port: 0 };
    this.swarm.join(card, host.held.clone());
    if (this.#matchDue) return;
    this.#matchDue = true;
    agenda.after(matchDelayMs, this, matchCode);
  }

  #give(changes: readonly SwarmChange[]): void {
    for (const change of changes) this.#hosts.get(change.host)?.parents(this.#options.latencyMs, change.parents);
  }
}
