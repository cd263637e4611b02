/**
 * Whoever sends pieces, a host or a manager's seed: the real upload queue, slots, and an uplink. What
 * the product's hands do around the queue (slots, gathering of news, no frame between the bytes of a
 * piece) is done here in the same way.
 */

import { assert, Bitfield, removeAt } from "#base/mod.ts";
import { mayRepeatWhileFetching, UploadQueue, type MaySend } from "#core/swarm/mod.ts";
import type { Actor, Agenda } from "./agenda.ts";
import { Uplink } from "./lines.ts";
import type { Network } from "./network.ts";
import { Process } from "./process.ts";
import type { Chance } from "./random.ts";
import type { Watcher } from "./watcher.ts";
import type { Wire } from "./wire.ts";

const wholeCode = 100;
const newsCode = 101;
const heldCode = 102;
/** A child that takes no byte of a piece for so long is given up. */
const stallMsMax = 10_000;
/** A piece that is out, and not yet through its child's line, is looked at this often. */
const lookMsMax = 250;

/** What all of a cluster have in common: one object, since each looks at it for each piece. */
export interface Surroundings {
  readonly agenda: Agenda;
  readonly chance: Chance;
  readonly network: Network;
  readonly pieces: number;
  readonly pieceBytes: number;
  readonly lengthBytes: number;
  /** News of pieces is gathered this long for children that have something standing here. */
  readonly newsEveryMs: number;
  readonly watcher: Watcher | undefined;
}

export interface SenderOptions {
  readonly around: Surroundings;
  readonly id: string;
  /** Where it is in the network. */
  readonly place: number;
  readonly upBytesPerSecond: number;
  readonly slots: number;
  /** For pieces to other sites. */
  readonly acrossSlots: number;
  readonly isFedByOrigin: boolean;
  /** The share of its pieces that it sends with wrong bytes. */
  readonly lies: number;
}

export class Sender extends Process implements Actor {
  readonly id: string;
  readonly place: number;
  readonly held: Bitfield;
  readonly uplink: Uplink;
  readonly lies: number;
  protected readonly around: Surroundings;
  protected readonly slots: number;
  readonly #acrossSlots: number;
  readonly #isFedByOrigin: boolean;
  readonly #wires = new Set<Wire>();
  #queue: UploadQueue<Wire>;
  /** Connections with a piece on its way: the slots taken. */
  readonly #sending: Wire[] = [];
  /** Of these, with a piece on its way to another site. */
  #crossing = 0;
  /** Pieces on their way near by that were sent before. */
  protected repeats = 0;
  #newsDue = false;
  #heldDueMs: number | undefined;
  sentPieces = 0;
  wrongPieces = 0;

  constructor(options: SenderOptions) {
    const { agenda, network, pieces } = options.around;
    super(agenda);
    this.around = options.around;
    this.id = options.id;
    this.place = options.place;
    this.lies = options.lies;
    this.slots = options.slots;
    this.#acrossSlots = options.acrossSlots;
    this.#isFedByOrigin = options.isFedByOrigin;
    this.held = new Bitfield(pieces);
    this.#queue = new UploadQueue<Wire>(0, { fromOrigin: options.isFedByOrigin });
    this.uplink = new Uplink(agenda, network.lines, options.upBytesPerSecond, (wire) => this.#out(wire));
  }

  get queue(): UploadQueue<Wire> {
    return this.#queue;
  }

  /** Connections to children, also those that are being opened. */
  get wires(): ReadonlySet<Wire> {
    return this.#wires;
  }

  protected get watcher(): Watcher | undefined {
    return this.around.watcher;
  }

  bytesOf(index: number): number {
    const { pieceBytes, lengthBytes } = this.around;
    return Math.min(pieceBytes, lengthBytes - index * pieceBytes);
  }

  accept(wire: Wire): void {
    if (this.gone) return wire.unanswered();
    if (this.down) return wire.closed();
    this.#wires.add(wire);
    wire.queued = this.#queue.add(wire, wire.across);
    wire.opened(this.held.clone());
  }

  wanted(wire: Wire, indices: readonly number[]): void {
    if (wire.queued === undefined) return;
    const refused = this.#queue.want(wire.queued, indices);
    if (refused.length > 0) this.#cancelled(wire, refused);
    this.watcher?.asked(this, wire.queued.waiting);
    this.pump();
  }

  cancel(wire: Wire, indices: readonly number[]): void {
    if (wire.queued === undefined) return;
    const taken = this.#queue.cancel(wire.queued, indices, this.clock.nowMs);
    if (taken.length > 0) this.#cancelled(wire, taken);
  }

  #cancelled(wire: Wire, indices: readonly number[]): void {
    if (wire.sending === undefined) wire.cancelled(indices);
    else (wire.owesCancelled ??= []).push(...indices);
  }

  /** The child has left. Unless the connection is broken, a piece on its way goes on to its end. */
  left(wire: Wire, broken: boolean): void {
    if (wire.queued === undefined) return;
    this.#wires.delete(wire);
    this.#queue.remove(wire.queued);
    wire.queued = undefined;
    if (broken) this.#abandon(wire);
  }

  #abandon(wire: Wire): void {
    if (wire.sending === undefined) return;
    this.#dropFromLines(wire);
    this.#free(wire);
    this.pump();
  }

  /** The connection fell silent: its piece waits. */
  hold(wire: Wire): void {
    this.uplink.hold(wire);
    this.around.network.sites?.lines.hold(wire, true);
  }

  release(wire: Wire): void {
    this.uplink.release(wire);
    this.around.network.sites?.lines.hold(wire, false);
  }

  #dropFromLines(wire: Wire): void {
    this.uplink.abandon(wire);
    this.around.network.sites?.lines.abandon(wire);
  }

  /** A piece is held from now on: children hear of it. */
  gained(index: number): void {
    this.held.set(index);
    for (const child of this.#queue.gained(index)) child.owner.have(this.#queue.takeNews(child));
    if (this.#newsDue) return;
    this.#newsDue = true;
    this.agenda.after(this.around.newsEveryMs, this, newsCode, this.life);
  }

  /** Every child hears something, so that silence means trouble; one that takes nothing is given up. */
  keepAlive(): void {
    if (this.down) return;
    for (const wire of this.#wires) if (wire.sending === undefined) wire.have([]);
    const { nowMs } = this.agenda;
    for (const wire of this.#sending) if (!wire.silent && !wire.child.paused) wire.takenMs = nowMs;
    const stalled = this.#sending.filter(({ takenMs }) => nowMs - takenMs > stallMsMax);
    for (const wire of stalled) this.#giveUp(wire);
  }

  #giveUp(wire: Wire): void {
    this.watcher?.note(this.id, `gives up ${wire.child.id}, which takes nothing`);
    wire.closed();
    this.left(wire, true);
    this.#abandon(wire);
  }

  on(code: number, argument: unknown): void {
    if (code === wholeCode) return this.#whole(argument as Wire);
    if (this.paused) return this.laterByTimer(this, code, argument);
    if (argument !== this.life) return;
    if (code === newsCode) return this.#tellNews();
    this.#heldDueMs = undefined;
    this.pump();
  }

  #tellNews(): void {
    this.#newsDue = false;
    for (const child of this.#queue.children) {
      const wire = child.owner;
      if (wire.sending !== undefined) {
        wire.owesNews = true;
        continue;
      }
      const news = this.#queue.takeNews(child);
      if (news.length > 0) wire.have(news);
    }
  }

  /** It has to get what it sends. */
  protected get isSeedThatFetches(): boolean {
    return false;
  }

  #maySend(): MaySend {
    const near = this.#sending.length - this.#crossing < this.slots;
    const fetching = this.isSeedThatFetches;
    const repeat = !fetching || mayRepeatWhileFetching(this.repeats, this.slots);
    return { repeat, fetching, near, across: this.#crossing < this.#acrossSlots };
  }

  pump(): void {
    while (!this.down && !this.paused) {
      const want = this.#queue.next(this.clock.nowMs, this.#maySend());
      if (want === undefined) return this.#pumpLater();
      const wire = want.child.owner;
      assert(wire.sending === undefined, "a connection carries one piece at a time");
      this.#sending.push(wire);
      if (wire.across) this.#crossing++;
      else if (want.repeat) this.repeats++;
      wire.sending = want;
      wire.takenMs = this.agenda.nowMs;
      wire.started(want.index);
      this.uplink.start(wire, this.bytesOf(want.index));
      this.around.network.begins(wire);
      this.watcher?.began(wire, want.index);
      if (wire.silent) this.hold(wire);
    }
  }

  /** When something that is held back may go. */
  #pumpLater(): void {
    const { heldUntilMs } = this.#queue;
    if (heldUntilMs === undefined || heldUntilMs >= (this.#heldDueMs ?? Infinity)) return;
    this.#heldDueMs = heldUntilMs;
    this.agenda.after(heldUntilMs - this.clock.nowMs + this.agenda.stepMs, this, heldCode, this.life);
  }

  /** The piece is out of this line; it is whole at the child when the lines between and the child's have taken it. */
  #out(wire: Wire): void {
    this.sentPieces++;
    wire.isOut = true;
    if (!wire.crossing) this.#atChildsLine(wire);
  }

  /** The piece is through the lines between sites. */
  crossed(wire: Wire): void {
    if (wire.isOut) this.#atChildsLine(wire);
  }

  #atChildsLine(wire: Wire): void {
    const { nowMs, stepMs } = this.agenda;
    const wholeMs = wire.child.downlink.out(wire, nowMs);
    if (wholeMs <= nowMs + stepMs) this.#whole(wire);
    else this.#lookAgain(wire, wholeMs);
  }

  /** In good time, since the child's line may become faster. */
  #lookAgain(wire: Wire, dueMs: number): void {
    const delayMs = Math.min(dueMs - this.agenda.nowMs, lookMsMax);
    if (dueMs < Infinity) this.agenda.after(delayMs, this, wholeCode, wire);
  }

  #whole(wire: Wire): void {
    // The connection may have gone meanwhile.
    if (wire.sending === undefined) return;
    const { index } = wire.sending;
    const { nowMs, stepMs } = this.agenda;
    const { child, silentUntilMs } = wire;
    const wholeMs = child.downlink.wholeMs(wire, nowMs);
    const dueMs = Math.max(wholeMs, silentUntilMs);
    if (dueMs > nowMs + stepMs) return this.#lookAgain(wire, dueMs);
    if (child.paused) return child.later(this, wholeCode, wire);
    this.watcher?.passed(wire, index);
    const right = this.lies === 0 || this.around.chance.unit() >= this.lies;
    if (!right) this.wrongPieces++;
    wire.piece(index, right);
    this.#free(wire);
    this.pump();
  }

  #free(wire: Wire): void {
    const want = wire.sending;
    if (want === undefined) return;
    wire.sending = undefined;
    removeAt(this.#sending, this.#sending.indexOf(wire));
    if (wire.across) this.#crossing--;
    else if (want.repeat) this.repeats--;
    this.#queue.sent(want);
    if (wire.queued === undefined) return;
    if (wire.owesCancelled !== undefined) wire.cancelled(wire.owesCancelled);
    wire.owesCancelled = undefined;
    if (wire.owesNews) wire.have(this.#queue.takeNews(wire.queued));
    wire.owesNews = false;
  }

  /** Ends every connection to children, as a process that dies does, and forgets what was asked. */
  protected override die(): void {
    super.die();
    for (const wire of this.#sending) {
      this.#dropFromLines(wire);
      wire.sending = undefined;
    }
    for (const wire of this.#wires) {
      wire.queued = undefined;
      wire.closed();
    }
    this.#sending.length = 0;
    this.#wires.clear();
    this.repeats = 0;
    this.#crossing = 0;
    this.#newsDue = false;
    this.#heldDueMs = undefined;
    this.#queue = new UploadQueue<Wire>(this.held.count, { fromOrigin: this.#isFedByOrigin });
  }
}
