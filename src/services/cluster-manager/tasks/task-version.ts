/**
 * One version of one object at the manager: fetched once, cut into pieces, listed, seeded, and
 * matched among the hosts that want it.
 *
 * Invariants:
 *  1. A piece is listed only after it is stored; how soon hosts hear of it is up to the listing.
 *  2. The last line is sent only when the whole is proved.
 *  3. What came from an address for callers on this machine alone is told to no other host.
 *  4. The key of a sealed object goes to hosts that were let in, with its head, and nowhere else.
 *  5. When the object changes in mid-fetch, or a proof fails, the old generation is withdrawn from
 *     every host before a new one is told.
 */

import { Bitfield, DarnerError, errorToWire } from "#base/mod.ts";
import type { ResponseFacts } from "#core/freshness/mod.ts";
import type { ManagerMessage, ManifestHead, ParentOffer, TaskAsk } from "#core/protocol/mod.ts";
import { pieceSpan } from "#core/model/mod.ts";
import { spreadEveryMs, Swarm, type SwarmChange, type SwarmReport } from "#core/swarm/mod.ts";
import type { Clock, Timer } from "#platform/machine/clock.ts";
import type { Log } from "#platform/telemetry/log.ts";
import type { PieceFile } from "#storage/pieces/mod.ts";
import { sameForAll, Sealing, shown, type SealEpochs, type Uploads } from "#transfer/mod.ts";
import type { Accusations, VersionHost } from "../hosts/mod.ts";
import { Filling } from "./filling.ts";
import { Giving } from "./giving.ts";
import { Listing, type Sign } from "./listing.ts";
import { headOf } from "./manifest-head.ts";
import type { Holder } from "../colleagues/mod.ts";
import { mustPass } from "./version-rules.ts";

/** Hosts that come within this time are matched together. */
const matchDelayMs = 5;
/** At most so many, for some 40 ms of work: the others of a crowd wait while reports are answered. */
const crowdMax = 128;

/** What a host would report that comes with everything. */
const whollyThere: SwarmReport = {
  news: [],
  starving: false,
  seeding: true,
  upBytesPerSecond: 0,
  downBytesPerSecond: 0,
};

/** What a host says that it has. */
type Holds = { readonly generation: string; readonly pieces: string };

export interface TaskVersionOptions {
  readonly clock: Clock;
  readonly log: Log;
  readonly unit: () => number;
  readonly task: string;
  readonly ask: TaskAsk;
  readonly store: PieceFile;
  readonly uploads: Uploads;
  readonly seed: ParentOffer;
  /** The manager's. */
  readonly site: string;
  readonly accusations: Accusations;
  /** A host is nobody's parent any more, in no task. */
  readonly onShutOut: (host: string) => void;
  readonly isDraining?: (host: string) => boolean;
  /** What keys are made from. */
  readonly epochs?: SealEpochs | undefined;
  /** Signs manifests; absent with --trust off. */
  readonly sign: Sign | undefined;
  /** A piece of it was lost and must be got again. */
  readonly onSpoiled: () => void;
}

export class TaskVersion {
  readonly task: string;
  readonly ask: TaskAsk;
  readonly store: PieceFile;
  /** What the origin does while hosts hear of no piece. */
  readonly filling: Filling;
  /** The key of a sealed one. */
  readonly sealing: Sealing;
  /** When its fetch began, and when the whole was proved. */
  beganMs: number | undefined;
  wholeMs: number | undefined;
  readonly #options: TaskVersionOptions;
  readonly #hosts = new Map<string, VersionHost>();
  readonly #giving: Giving;
  #swarm: Swarm;
  #head: ManifestHead | undefined;
  #listing: Listing | undefined;
  /** Listed pieces that turned out to be spoiled here and are to be got again. */
  readonly #lost = new Set<number>();
  #isRechecking = false;
  #matchTimer: Timer | undefined;
  /** Hosts that were welcomed and are to be matched; behind them those that are to be welcomed. */
  #unmatched = 0;
  readonly #waiting = new Map<VersionHost, Holds | undefined>();
  /** Pieces that another manager has listed: hosts may hold them though they are not here yet. */
  #listedBefore: Bitfield | undefined;

  constructor(options: TaskVersionOptions) {
    this.#options = options;
    this.task = options.task;
    this.ask = options.ask;
    this.store = options.store;
    this.#giving = new Giving(options);
    this.sealing = Sealing.forKept(options.task, options.store.object, options.epochs);
    this.#swarm = this.#newSwarm();
    this.filling = new Filling(options.clock, () => this.#tellAll({ kind: "filling", task: this.task }));
    const { object, have, end } = options.store;
    if (object !== undefined && (have.count > 0 || end !== undefined)) this.#begin();
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

  /** Whether any host is still getting it. */
  get wanted(): boolean {
    return this.#giving.busy || this.#swarm.members.some(({ seeding }) => !seeding);
  }

  /** How many hosts are still getting it. */
  get unfinished(): number {
    return this.#swarm.members.filter(({ seeding }) => !seeding).length;
  }

  /** The fetch begins an object: anything told of another one is withdrawn. */
  began(): void {
    if (this.#head !== undefined) this.#withdraw("the object changed at the origin");
    this.#lost.clear();
    this.#swarm = this.#newSwarm();
    this.beganMs = this.#options.clock.nowMs();
    this.#begin();
    for (const host of this.#hosts.values()) this.#welcome(host, undefined);
  }

  /** As `began`, of an object that another manager has begun and listed so far. */
  tookOver(listed: Bitfield): void {
    this.#listedBefore = listed;
    this.began();
  }

  /** The hosts that say they hold pieces. */
  *holders(): Generator<Holder> {
    for (const { card, held } of this.#swarm.members) {
      if (held.count === 0) continue;
      yield { offer: { id: card.id, address: card.address, port: card.port, seed: false }, held };
    }
  }

  pieceStored(index: number): void {
    this.filling.pieceCame();
    // What was lost and is here again has been listed.
    if (!this.#lost.delete(index)) this.#listing?.stored(index);
    if (this.#head !== undefined) this.#options.uploads.pieceStored(this.task, this.#head.generation, index);
  }

  /** The whole is proved. */
  ended(): void {
    this.wholeMs = this.#options.clock.nowMs();
    this.#listing?.ended();
    this.#give();
  }

  /** The fetch failed: every host but these hears why; what is stored may serve the next try. */
  failed(error: unknown, others: ReadonlySet<VersionHost>): void {
    this.#tellAll({ kind: "failed", task: this.task, error: errorToWire(error) }, others);
    this.#listing?.leaveAll();
    this.#giving.leaveAll();
    this.#waiting.clear();
    this.#hosts.clear();
    this.#swarm = this.#newSwarm();
  }

  /** `small`: the host takes a small object in one message. */
  join(host: VersionHost, holds: Holds | undefined, small = false): void {
    this.#hosts.set(host.card.id, host);
    if (small) this.#giving.takes(host);
    if (this.#head !== undefined) this.#welcome(host, holds);
  }

  /** A host that came back on a new connection is not sent away by the end of its old one. */
  leave(host: VersionHost): void {
    const { id } = host.card;
    this.#listing?.leave(host);
    this.#giving.leave(host);
    this.#waiting.delete(host);
    if (this.#hosts.get(id) !== host) return;
    this.#hosts.delete(id);
    this.#tellChanges(this.#swarm.leave(id, this.#options.clock.nowMs()));
  }

  report(host: string, report: SwarmReport): void {
    // A host's word is bounded by what exists: it can hold no piece that is not here.
    const exists = (index: number): boolean => this.store.have.has(index) || this.#listedBefore?.has(index) === true;
    const news = report.news.filter((index) => Number.isInteger(index) && exists(index));
    const changes = this.#swarm.report(host, { ...report, news }, this.#options.clock.nowMs());
    this.#tellChanges(changes);
    // Who is answered hears all news at once: one message the less to send it.
    const answered = changes.length > 0 ? this.#hosts.get(host) : undefined;
    if (answered !== undefined) this.#listing?.tell(answered);
  }

  /** A host says that `parent` sent it this piece with wrong bytes. */
  accuse(host: string, parent: string, piece: number): void {
    if (parent === this.#options.seed.id) return void this.#recheck(piece);
    const digest = this.store.digestOf(piece);
    const accused = this.#hosts.get(parent);
    if (digest === undefined || accused === undefined) return;
    const wasOut = this.#options.accusations.suspicion.isShutOut(parent);
    const { changes, check } = this.#swarm.accuse(host, parent, this.#options.clock.nowMs());
    this.#tellChanges(changes);
    if (check) void this.#look(accused, piece, digest);
    else if (!wasOut) this.#tellIfShutOut(parent, "many hosts got wrong bytes from it");
  }

  /** The host sends wrong bytes: whoever has it for a parent gets another. */
  shutOut(host: string): void {
    this.#tellChanges(this.#swarm.shutOut(host, this.#options.clock.nowMs()));
  }

  async #look(accused: VersionHost, piece: number, digest: Uint8Array): Promise<void> {
    const { accusations, clock } = this.#options;
    const { task, generation, store } = this;
    if (generation === undefined) return;
    const { id } = accused.card;
    accused.send({ kind: "recheck", task, generation, piece });
    const { start, end } = pieceSpan(piece, store.lengthBytes ?? Infinity, store.object?.pieceBytes ?? 1);
    const verdict = await accusations.look(accused.card, { task, generation, piece, digest, lengthBytes: end - start });
    this.#tellChanges(this.#swarm.judged(id, verdict, clock.nowMs()));
    this.#tellIfShutOut(id, "it sent the manager bytes that are not in the manifest");
  }

  #tellIfShutOut(host: string, reason: string): void {
    const { accusations, log, onShutOut } = this.#options;
    if (!accusations.suspicion.isShutOut(host)) return;
    log.warn("peer.shut-out", { task: this.task, host, reason });
    onShutOut(host);
  }

  /** Somebody got wrong bytes or none from here: a piece that is not what was stored is got again. */
  async #recheck(piece: number): Promise<void> {
    if (this.#isRechecking || !this.store.have.has(piece)) return;
    this.#isRechecking = true;
    const spoiled = (await this.store.findSpoiled(piece)).filter((index) => this.store.have.has(index));
    this.#isRechecking = false;
    for (const index of spoiled) {
      this.#options.log.warn("piece.spoiled", { task: this.task, piece: index });
      this.store.drop(index);
      this.#lost.add(index);
    }
    if (spoiled.length > 0) this.#options.onSpoiled();
  }

  /** Nothing of it is told or served any more. */
  close(reason: string): void {
    this.#matchTimer?.cancel();
    this.filling.stop();
    if (this.#head !== undefined) this.#withdraw(reason);
    this.#hosts.clear();
  }

  #newSwarm(): Swarm {
    const { seed, unit, accusations, isDraining, site } = this.#options;
    return new Swarm([seed], unit, { home: site, suspicion: accusations.suspicion, isDraining });
  }

  #begin(): void {
    this.#head = headOf(this.task, this.store);
    if (this.#head === undefined) return;
    this.#options.uploads.serve({
      task: this.task,
      generation: this.#head.generation,
      store: this.store,
      fromOrigin: this.#listedBefore === undefined,
      growing: () => this.store.end === undefined,
      onUnreadable: (index) => void this.#recheck(index),
    });
    const { clock, sign } = this.#options;
    this.#listing = new Listing({ clock, sign, head: this.#head, store: this.store });
  }

  #withdraw(reason: string): void {
    const generation = this.#head?.generation;
    if (generation === undefined) return;
    this.#head = undefined;
    this.#listing?.stop();
    this.#listing = undefined;
    this.#giving.withdraw();
    this.#waiting.clear();
    this.#options.uploads.withdraw(this.task, generation, reason);
    this.#tellAll({ kind: "withdrawn", task: this.task, generation });
  }

  #tellAll(message: ManagerMessage, others: ReadonlySet<VersionHost> = new Set()): void {
    sameForAll(message);
    for (const host of this.#hosts.values()) if (!others.has(host)) host.send(message);
  }

  /** Everything that is known so far, for a host that just came; in a crowd, when its turn comes. */
  #welcome(host: VersionHost, holds: Holds | undefined): void {
    const head = this.#head;
    if (head === undefined) return;
    if (this.facts?.nearOnly === true && host.caller === "far") return this.#refuse(host);
    if (!mustPass(this) && this.#giving.accepts(host)) return this.#give(host);
    if (this.#unmatched >= crowdMax) return void this.#waiting.set(host, holds);
    this.#unmatched++;
    const ticket = host.ticket(this.task);
    const sealSecret = head.seal === undefined ? undefined : this.sealing.secret;
    host.send({
      kind: "head",
      head,
      ...(ticket === undefined ? {} : { ticket }),
      ...(sealSecret === undefined ? {} : { sealSecret }),
    });
    this.#listing?.join(host);
    const same = holds?.generation === head.generation;
    const held = Bitfield.fromBytes(
      same ? Buffer.from(holds.pieces, "base64") : new Uint8Array(0),
      this.store.have.length,
    );
    this.#swarm.join(host.card, held, this.#options.clock.nowMs());
    if (this.store.end !== undefined && held.full) this.report(host.card.id, whollyThere);
    if (this.#unmatched > 1) return;
    this.#matchTimer?.cancel();
    this.#matchTimer = this.#options.clock.after(matchDelayMs, () => this.#match());
  }

  /** To the host, or to all who wait for it; nothing before it is whole. */
  #give(host?: VersionHost): void {
    const [head, end] = [this.#head, this.#listing?.end];
    if (head !== undefined && end !== undefined) this.#giving.give({ head, end }, host);
  }

  #refuse(host: VersionHost): void {
    this.#hosts.delete(host.card.id);
    const says = "it came from an address that only callers on the manager's own machine may reach";
    const error = errorToWire(new DarnerError("reach.refused", `cannot give ${shown(this.ask.url)}: ${says}`));
    this.#options.log.warn("reach.refused", { task: this.task, host: host.card.id, message: error.message });
    host.send({ kind: "failed", task: this.task, error });
  }

  #match(): void {
    this.#matchTimer = undefined;
    this.#unmatched = 0;
    this.#tellChanges(this.#swarm.match(this.#options.clock.nowMs()));
    if (this.#swarm.unspread) this.#matchTimer = this.#options.clock.after(spreadEveryMs, () => this.#match());
    for (const [host, holds] of this.#waiting) {
      if (this.#unmatched >= crowdMax) return;
      this.#waiting.delete(host);
      this.#welcome(host, holds);
    }
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
        ...(change.entry === undefined ? {} : { entry: change.entry }),
      });
    }
  }
}
