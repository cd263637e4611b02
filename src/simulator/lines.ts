/**
 * A host's two line ends, as a fluid.
 *
 * The uplink is shared equally by the pieces on their way (processor sharing, which is what many TCP
 * streams of one sender come to). The downlink takes what comes as fast as its rate allows and never
 * stands still while something is due: a piece is whole when its sender has put it out and when all
 * that began before it has passed. A sender's slot stays taken until then, which stands for TCP's
 * back-pressure. Not modelled: loss, slow start, congestion inside the network.
 */

import { assert } from "#base/mod.ts";
import type { Actor, Agenda } from "./agenda.ts";
import type { Wire } from "./wire.ts";

/** A piece on its way. */
export interface Transfer {
  readonly wire: Wire;
  readonly index: number;
  readonly bytes: number;
  /** The share of the uplink, in bytes, at which the piece is out; while it is held, what is left of it. */
  outAtBytes: number;
  /** What the downlink could have taken when the piece began, and once it is out: when it will be whole. */
  throughAtBytes: number;
  /** It is out of the uplink; it may still be on the lines between sites. */
  isOut: boolean;
  crossing: boolean;
}

const dueCode = 0;
/** Bytes within which a piece counts as out: rounding must not keep it. */
const nearlyBytes = 1e-3;
/** And the part of a step: what is due sooner, the agenda takes for due now. */
const nearlyStep = 1e-5;

/** What counts as nothing left on a line of this rate: the agenda knows no later time for it. */
export function nearlyNothingBytes(bytesPerMs: number, stepMs: number): number {
  return Math.max(nearlyBytes, bytesPerMs * stepMs * nearlyStep);
}

/** What a line could have carried by now, whatever its rate was meanwhile. */
class Capacity {
  bytesPerMs: number;
  #sinceMs = 0;
  #bytes = 0;

  constructor(bytesPerSecond: number) {
    this.bytesPerMs = bytesPerSecond / 1000;
  }

  at(nowMs: number): number {
    return this.#bytes + (nowMs - this.#sinceMs) * this.bytesPerMs;
  }

  setRate(bytesPerSecond: number, nowMs: number): void {
    this.#bytes = this.at(nowMs);
    this.#sinceMs = nowMs;
    this.bytesPerMs = bytesPerSecond / 1000;
  }
}

export class Uplink implements Actor {
  readonly #agenda: Agenda;
  readonly #onOut: (transfer: Transfer) => void;
  readonly #capacity: Capacity;
  /** On their way, the next to be out first. */
  readonly #active: Transfer[] = [];
  /** On connections that fell silent: they take nothing of the line. */
  readonly #held: Transfer[] = [];
  /** What a piece on its way since the beginning would have sent. */
  #shareBytes = 0;
  #lastMs = 0;
  /** When the next look is due; later looks replace it. */
  #dueMs = Infinity;
  /** The look that counts, by its number. */
  #look = 0;
  /** Bytes sent. */
  sentBytes = 0;

  constructor(agenda: Agenda, bytesPerSecond: number, onOut: (transfer: Transfer) => void) {
    this.#agenda = agenda;
    this.#capacity = new Capacity(bytesPerSecond);
    this.#onOut = onOut;
  }

  /** What it could have sent by now. */
  get capacityBytes(): number {
    return this.#capacity.at(this.#agenda.nowMs);
  }

  start(wire: Wire, index: number, bytes: number): Transfer {
    this.#advance();
    const throughAtBytes = wire.child.downlink.capacityBytes(this.#agenda.nowMs);
    const transfer: Transfer = {
      wire,
      index,
      bytes,
      outAtBytes: this.#shareBytes + bytes,
      throughAtBytes,
      isOut: false,
      crossing: false,
    };
    this.#add(transfer);
    this.#plan();
    return transfer;
  }

  /** The line is slower or faster from now on; at 0 it stands still. */
  setRate(bytesPerSecond: number): void {
    this.#advance();
    this.#capacity.setRate(bytesPerSecond, this.#agenda.nowMs);
    this.#dueMs = Infinity;
    this.#plan();
  }

  /** The connection is gone: its piece takes no more of the line. */
  abandon(wire: Wire): void {
    this.#advance();
    take(this.#active, wire);
    take(this.#held, wire);
    this.#plan();
  }

  /** The connection fell silent: its piece waits. */
  hold(wire: Wire): void {
    this.#advance();
    const transfer = take(this.#active, wire);
    if (transfer === undefined) return;
    transfer.outAtBytes -= this.#shareBytes;
    this.#held.push(transfer);
    this.#plan();
  }

  /** The connection is heard again: its piece goes on. */
  release(wire: Wire): void {
    this.#advance();
    const transfer = take(this.#held, wire);
    if (transfer === undefined) return;
    transfer.outAtBytes += this.#shareBytes;
    this.#add(transfer);
    this.#plan();
  }

  on(_code: number, look: unknown): void {
    if (look !== this.#look) return;
    this.#dueMs = Infinity;
    this.#advance();
    const bytesPerMs = this.#capacity.bytesPerMs / this.#active.length;
    const outAtBytes = this.#shareBytes + nearlyNothingBytes(bytesPerMs, this.#agenda.stepMs);
    while (this.#active.length > 0 && this.#active[0]!.outAtBytes <= outAtBytes) this.#onOut(this.#active.shift()!);
    this.#plan();
  }

  /** Pieces of one length are out in the order in which they began: the place is mostly the last. */
  #add(transfer: Transfer): void {
    let at = this.#active.push(transfer) - 1;
    while (at > 0 && this.#active[at - 1]!.outAtBytes > transfer.outAtBytes) {
      this.#active[at] = this.#active[at - 1]!;
      at--;
    }
    this.#active[at] = transfer;
  }

  #advance(): void {
    const { nowMs } = this.#agenda;
    const elapsedMs = nowMs - this.#lastMs;
    this.#lastMs = nowMs;
    if (this.#active.length === 0 || elapsedMs <= 0) return;
    const bytes = elapsedMs * this.#capacity.bytesPerMs;
    this.#shareBytes += bytes / this.#active.length;
    this.sentBytes += bytes;
  }

  #plan(): void {
    const { bytesPerMs } = this.#capacity;
    if (this.#active.length === 0 || bytesPerMs === 0) return;
    const delayMs = (Math.max(0, this.#active[0]!.outAtBytes - this.#shareBytes) * this.#active.length) / bytesPerMs;
    const dueMs = this.#agenda.nowMs + delayMs;
    // An earlier look plans again by itself.
    if (this.#dueMs <= dueMs + this.#agenda.stepMs) return;
    this.#dueMs = dueMs;
    this.#agenda.after(delayMs, this, dueCode, ++this.#look);
  }
}

function take(transfers: Transfer[], wire: Wire): Transfer | undefined {
  const at = transfers.findIndex((transfer) => transfer.wire === wire);
  return at < 0 ? undefined : transfers.splice(at, 1)[0];
}

export class Downlink {
  readonly #capacity: Capacity;
  /** What the line must have been able to take for all that is out to be through. */
  #throughBytes = 0;

  constructor(bytesPerSecond: number) {
    assert(bytesPerSecond > 0, "a downlink has a rate");
    this.#capacity = new Capacity(bytesPerSecond);
  }

  /** What it could have taken by now. */
  capacityBytes(nowMs: number): number {
    return this.#capacity.at(nowMs);
  }

  setRate(bytesPerSecond: number, nowMs: number): void {
    this.#capacity.setRate(bytesPerSecond, nowMs);
  }

  /** The piece is out: it takes its place behind those that were out before. Returns `wholeMs`. */
  out(transfer: Transfer, nowMs: number): number {
    this.#throughBytes = Math.max(this.#throughBytes, transfer.throughAtBytes) + transfer.bytes;
    transfer.throughAtBytes = this.#throughBytes;
    return this.wholeMs(transfer, nowMs);
  }

  /** When the piece that is out will be whole here, at the line's present rate. */
  wholeMs(transfer: Transfer, nowMs: number): number {
    const missingBytes = transfer.throughAtBytes - this.#capacity.at(nowMs);
    return missingBytes <= nearlyBytes ? nowMs : nowMs + missingBytes / this.#capacity.bytesPerMs;
  }
}
