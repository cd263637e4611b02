/**
 * One version of one object at the manager: fetched once, cut into pieces, listed, seeded, and
 * matched among the hosts that want it.
 *
 * Invariants:
 *  1. A piece is listed only after it is stored; hosts hear of it within `listDelayMs`.
 *  2. The last line is sent only when the whole is proved.
 *  3. When the object changes in mid-fetch, or a proof fails, the old generation is withdrawn from
 *     every host before a new one is told.
 */

import { Bitfield, errorToWire } from "#base/mod.ts";
import type { ResponseFacts } from "#core/freshness/mod.ts";
import type { HostCard, ManagerMessage, ManifestHead, ParentOffer, TaskAsk } from "#core/protocol/mod.ts";
import { Swarm, type SwarmChange, type SwarmReport } from "#core/swarm/mod.ts";
import type { Clock, Timer } from "#platform/clock.ts";
import type { PieceFile } from "#storage/pieces/mod.ts";
import { joinDigests, type Uploads } from "#transfer/mod.ts";

/** News of pieces is gathered this long, so that one message carries several. */
const listDelayMs = 20;
/** Hosts that come within this time are matched together. */
const matchDelayMs = 5;
/** Digests in one message: 32 KiB of hashes. */
const listPiecesMax = 1024;

/** What a host would report that comes with everything. */
const whollyThere: SwarmReport = {
  news: [],
  starving: false,
  seeding: true,
  upBytesPerSecond: 0,
  downBytesPerSecond: 0,
};

export interface VersionHost {
  readonly card: HostCard;
  send(message: ManagerMessage): void;
  /** A fresh ticket for this host and task, or undefined with --trust off. */
  ticket(task: string): string | undefined;
}

export interface TaskVersionOptions {
  readonly clock: Clock;
  readonly unit: () => number;
  readonly task: string;
  readonly ask: TaskAsk;
  readonly store: PieceFile;
  readonly uploads: Uploads;
  readonly seed: ParentOffer;
}

export class TaskVersion {
  readonly task: string;
  readonly ask: TaskAsk;
  readonly store: PieceFile;
  readonly #options: TaskVersionOptions;
  readonly #hosts = new Map<string, VersionHost>();
  #swarm: Swarm;
  #head: ManifestHead | undefined;
  #unlisted: number[] = [];
  #timer: Timer | undefined;
  #matchTimer: Timer | undefined;

  constructor(options: TaskVersionOptions) {
    this.#options = options;
    this.task = options.task;
    this.ask = options.ask;
    this.store = options.store;
    this.#swarm = this.#newSwarm();
    if (options.store.object !== undefined && options.store.have.count > 0) this.#begin();
  }

  get generation(): string | undefined {
    return this.#head?.generation;
  }

  get facts(): ResponseFacts | undefined {
    return this.store.object?.notes?.["facts"] as ResponseFacts | undefined;
  }

  get hosts(): number {
    return this.#hosts.size;
  }

  get swarm(): Swarm {
    return this.#swarm;
  }

  /** Hosts that are still getting it. */
  get unfinished(): number {
    let unfinished = 0;
    for (const member of this.#swarm.members) if (!member.seeding) unfinished++;
    return unfinished;
  }

  /** The fetch begins an object: anything told of another one is withdrawn. */
  began(): void {
    if (this.#head !== undefined) this.#withdraw("the object changed at the origin");
    this.#swarm = this.#newSwarm();
    this.#begin();
    for (const host of this.#hosts.values()) this.#welcome(host, undefined);
  }

  pieceStored(index: number): void {
    this.#unlisted.push(index);
    if (this.#head !== undefined) this.#options.uploads.pieceStored(this.task, this.#head.generation, index);
    this.#timer ??= this.#options.clock.after(listDelayMs, () => this.#tellListed());
  }

  /** The whole is proved. */
  ended(): void {
    this.#tellListed();
    for (const host of this.#hosts.values()) this.#tellEnd(host);
  }

  /** The fetch failed: every host hears why; what is stored may serve the next try. */
  failed(error: unknown): void {
    for (const host of this.#hosts.values()) host.send({ kind: "failed", task: this.task, error: errorToWire(error) });
    this.#hosts.clear();
    this.#swarm = this.#newSwarm();
  }

  join(host: VersionHost, holds: { readonly generation: string; readonly pieces: string } | undefined): void {
    this.#hosts.set(host.card.id, host);
    if (this.#head !== undefined) this.#welcome(host, holds);
  }

  /** A host that came back on a new connection is not sent away by the end of its old one. */
  leave(host: VersionHost): void {
    const { id } = host.card;
    if (this.#hosts.get(id) !== host) return;
    this.#hosts.delete(id);
    this.#tellChanges(this.#swarm.leave(id, this.#options.clock.nowMs()));
  }

  report(host: string, report: SwarmReport): void {
    // A host's word is bounded by what exists: it can hold no piece that is not here.
    const news = report.news.filter((index) => Number.isInteger(index) && this.store.have.has(index));
    this.#tellChanges(this.#swarm.report(host, { ...report, news }, this.#options.clock.nowMs()));
  }

  accuse(host: string, parent: string): void {
    this.#tellChanges(this.#swarm.accuse(host, parent, this.#options.clock.nowMs()));
  }

  /** Nothing of it is told or served any more. */
  close(reason: string): void {
    this.#timer?.cancel();
    this.#matchTimer?.cancel();
    if (this.#head !== undefined) this.#withdraw(reason);
    this.#hosts.clear();
  }

  #newSwarm(): Swarm {
    return new Swarm([this.#options.seed], this.#options.unit);
  }

  #begin(): void {
    const { object } = this.store;
    if (object === undefined) return;
    const facts = this.facts;
    const { lengthBytes } = this.store;
    const contentType = facts?.headers["content-type"];
    const lastModified = facts?.headers["last-modified"];
    this.#head = {
      task: this.task,
      generation: object.generation,
      url: object.url,
      pieceBytes: object.pieceBytes,
      ...(lengthBytes === undefined ? {} : { lengthBytes }),
      ...(object.validator === undefined ? {} : { validator: object.validator }),
      ...(contentType === undefined ? {} : { contentType }),
      ...(lastModified === undefined ? {} : { lastModified }),
    };
    this.#options.uploads.serve({
      task: this.task,
      generation: object.generation,
      store: this.store,
      growing: () => this.store.end === undefined,
    });
  }

  #withdraw(reason: string): void {
    const generation = this.#head?.generation;
    if (generation === undefined) return;
    this.#head = undefined;
    this.#unlisted = [];
    this.#options.uploads.withdraw(this.task, generation, reason);
    for (const host of this.#hosts.values()) host.send({ kind: "withdrawn", task: this.task, generation });
  }

  /** Everything that is known so far, for a host that just came. */
  #welcome(host: VersionHost, holds: { readonly generation: string; readonly pieces: string } | undefined): void {
    const head = this.#head;
    if (head === undefined) return;
    const ticket = host.ticket(this.task);
    host.send({ kind: "head", head, ...(ticket === undefined ? {} : { ticket }) });
    const unlisted = new Set(this.#unlisted);
    this.#list(
      [host],
      [...this.store.have.indices()].filter((index) => !unlisted.has(index)),
    );
    if (this.store.end !== undefined) this.#tellEnd(host);
    const same = holds?.generation === head.generation;
    const held = Bitfield.fromBytes(
      same ? Buffer.from(holds.pieces, "base64") : new Uint8Array(0),
      this.store.have.length,
    );
    this.#swarm.join(host.card, held);
    if (this.store.end !== undefined && held.full) this.report(host.card.id, whollyThere);
    this.#matchTimer ??= this.#options.clock.after(matchDelayMs, () => {
      this.#matchTimer = undefined;
      this.#tellChanges(this.#swarm.match(this.#options.clock.nowMs()));
    });
  }

  #tellListed(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    const indices = this.#unlisted;
    this.#unlisted = [];
    this.#list([...this.#hosts.values()], indices);
  }

  #list(hosts: readonly VersionHost[], indices: readonly number[]): void {
    const generation = this.#head?.generation;
    if (generation === undefined || hosts.length === 0) return;
    for (let from = 0; from < indices.length; from += listPiecesMax) {
      const part = indices
        .slice(from, from + listPiecesMax)
        .filter((index) => this.store.digestOf(index) !== undefined);
      const digests = joinDigests(part.map((index) => this.store.digestOf(index)!));
      const message = { kind: "listed", task: this.task, generation, indices: part, digests } as const;
      for (const host of hosts) host.send(message);
    }
  }

  #tellEnd(host: VersionHost): void {
    const { end } = this.store;
    if (end === undefined || this.#head === undefined) return;
    const { generation } = this.#head;
    host.send({ kind: "ended", task: this.task, generation, lengthBytes: end.lengthBytes, digests: end.digests });
  }

  #tellChanges(changes: readonly SwarmChange[]): void {
    const generation = this.#head?.generation;
    if (generation === undefined) return;
    for (const change of changes) {
      const host = this.#hosts.get(change.host);
      const ticket = host?.ticket(this.task);
      host?.send({
        kind: "parents",
        task: this.task,
        generation,
        parents: change.parents,
        ...(ticket === undefined ? {} : { ticket }),
      });
    }
  }
}
