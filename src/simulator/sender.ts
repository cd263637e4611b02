/**
 * Whoever sends pieces, a host or a manager's seed: the real upload queue, slots, and an uplink. What
 * the product's hands do around the queue (slots, gathering of news) is done here in the same way.
 */

import { Bitfield } from "#base/mod.ts";
import { UploadQueue } from "#core/swarm/mod.ts";
import type { Actor, Agenda } from "./agenda.ts";
import { Uplink, type Transfer } from "./lines.ts";
import type { Wire } from "./wire.ts";

const wholeCode = 100;
const newsCode = 101;

export interface SenderOptions {
  readonly agenda: Agenda;
  readonly id: string;
  readonly pieces: number;
  readonly pieceBytes: number;
  readonly lengthBytes: number;
  readonly upBytesPerSecond: number;
  readonly slots: number;
  /** News of pieces is gathered this long for children that have something standing here. */
  readonly newsEveryMs: number;
}

export class Sender implements Actor {
  readonly id: string;
  readonly held: Bitfield;
  readonly queue: UploadQueue<Wire>;
  readonly uplink: Uplink;
  protected readonly agenda: Agenda;
  readonly #options: SenderOptions;
  readonly #wires = new Set<Wire>();
  #active = 0;
  /** Pieces on their way that were sent before. */
  protected repeats = 0;
  #newsDue = false;
  /** Dead or standing still: nothing is sent. */
  down = false;
  lies = false;
  sentPieces = 0;

  constructor(options: SenderOptions) {
    this.#options = options;
    this.id = options.id;
    this.agenda = options.agenda;
    this.held = new Bitfield(options.pieces);
    this.queue = new UploadQueue<Wire>();
    this.uplink = new Uplink(options.agenda, options.upBytesPerSecond, (transfer) => this.#out(transfer));
  }

  protected get slots(): number {
    return this.#options.slots;
  }

  bytesOf(index: number): number {
    const { pieceBytes, lengthBytes } = this.#options;
    return Math.min(pieceBytes, lengthBytes - index * pieceBytes);
  }

  accept(wire: Wire): void {
    if (this.down) return wire.closed();
    this.#wires.add(wire);
    wire.queued = this.queue.add(wire);
    wire.opened(this.held.clone());
  }

  wanted(wire: Wire, indices: readonly number[]): void {
    if (wire.queued === undefined) return;
    const refused = this.queue.want(wire.queued, indices);
    if (refused.length > 0) wire.cancelled(refused);
    this.pump();
  }

  cancel(wire: Wire, indices: readonly number[]): void {
    if (wire.queued === undefined) return;
    const taken = this.queue.cancel(wire.queued, indices);
    if (taken.length > 0) wire.cancelled(taken);
  }

  left(wire: Wire): void {
    if (wire.queued === undefined) return;
    this.#wires.delete(wire);
    this.queue.remove(wire.queued);
    wire.queued = undefined;
    if (wire.sending === undefined) return;
    this.uplink.abandon(wire);
    this.#free(wire);
  }

  /** Ends every connection to children, as a process that dies does. */
  closeAll(): void {
    for (const wire of this.#wires) {
      wire.closed();
      this.left(wire);
    }
  }

  /** A piece is held from now on: children hear of it. */
  gained(index: number): void {
    this.held.set(index);
    for (const child of this.queue.gained(index)) child.owner.have(this.queue.takeNews(child));
    if (this.#newsDue) return;
    this.#newsDue = true;
    this.agenda.after(this.#options.newsEveryMs, this, newsCode);
  }

  /** Every child hears something, so that silence means trouble. */
  keepAlive(): void {
    if (this.down) return;
    for (const wire of this.#wires) wire.have([]);
  }

  on(code: number, argument: unknown): void {
    if (code === wholeCode) this.#whole(argument as Transfer);
    else this.#tellNews();
  }

  #tellNews(): void {
    this.#newsDue = false;
    for (const child of this.queue.children) {
      const news = this.queue.takeNews(child);
      if (news.length > 0) child.owner.have(news);
    }
  }

  protected mayRepeat(): boolean {
    return true;
  }

  pump(): void {
    while (this.#active < this.#options.slots && !this.down) {
      const want = this.queue.next(this.mayRepeat());
      if (want === undefined) return;
      const wire = want.child.owner;
      this.#active++;
      if (want.repeat) this.repeats++;
      wire.sending = want;
      wire.started(want.index);
      this.uplink.start(wire, want.index, this.bytesOf(want.index));
    }
  }

  /** The piece is out of this line; it is whole at the child when the child's line has taken it. */
  #out(transfer: Transfer): void {
    const { wire } = transfer;
    this.sentPieces++;
    const { nowMs } = this.agenda;
    const wholeMs = wire.child.downlink.wholeMs(transfer, nowMs);
    if (wholeMs <= nowMs + this.agenda.stepMs) return this.#whole(transfer);
    this.agenda.after(wholeMs - nowMs, this, wholeCode, transfer);
  }

  #whole({ wire, index }: Transfer): void {
    // The connection may have gone meanwhile.
    if (wire.sending?.index !== index) return;
    wire.piece(index);
    this.#free(wire);
    this.pump();
  }

  #free(wire: Wire): void {
    const want = wire.sending;
    if (want === undefined) return;
    wire.sending = undefined;
    this.#active--;
    if (want.repeat) this.repeats--;
    this.queue.sent(want);
  }
}
