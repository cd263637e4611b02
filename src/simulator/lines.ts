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
  readonly startedMs: number;
  /** The share of the uplink, in bytes, at which the piece is out. */
  outAtBytes: number;
}

const dueCode = 0;
/** Bytes within which a piece counts as out: rounding must not keep it. */
const nearlyBytes = 1e-3;

export class Uplink implements Actor {
  readonly #agenda: Agenda;
  readonly #onOut: (transfer: Transfer) => void;
  #bytesPerMs: number;
  readonly #active: Transfer[] = [];
  /** What a piece on its way since the beginning would have sent. */
  #shareBytes = 0;
  #lastMs = 0;
  /** When the next look is due; later looks replace it. */
  #dueMs = Infinity;
  /** Bytes sent. */
  sentBytes = 0;

  constructor(agenda: Agenda, bytesPerSecond: number, onOut: (transfer: Transfer) => void) {
    this.#agenda = agenda;
    this.#bytesPerMs = bytesPerSecond / 1000;
    this.#onOut = onOut;
  }

  start(wire: Wire, index: number, bytes: number): void {
    this.#advance();
    const transfer = { wire, index, bytes, startedMs: this.#agenda.nowMs, outAtBytes: this.#shareBytes + bytes };
    this.#active.push(transfer);
    this.#plan();
  }

  /** The line is slower or faster from now on; at 0 it stands still. */
  setRate(bytesPerSecond: number): void {
    this.#advance();
    this.#bytesPerMs = bytesPerSecond / 1000;
    this.#dueMs = Infinity;
    this.#plan();
  }

  /** The connection is gone: its piece takes no more of the line. */
  abandon(wire: Wire): void {
    this.#advance();
    const at = this.#active.findIndex((transfer) => transfer.wire === wire);
    if (at >= 0) this.#active.splice(at, 1);
    this.#plan();
  }

  on(_code: number, dueMs: unknown): void {
    if (dueMs !== this.#dueMs) return;
    this.#dueMs = Infinity;
    this.#advance();
    for (let at = this.#active.length - 1; at >= 0; at--) {
      const transfer = this.#active[at]!;
      if (transfer.outAtBytes > this.#shareBytes + nearlyBytes) continue;
      this.#active.splice(at, 1);
      this.#onOut(transfer);
    }
    this.#plan();
  }

  #advance(): void {
    const { nowMs } = this.#agenda;
    const elapsedMs = nowMs - this.#lastMs;
    this.#lastMs = nowMs;
    if (this.#active.length === 0 || elapsedMs <= 0) return;
    this.#shareBytes += (elapsedMs * this.#bytesPerMs) / this.#active.length;
    this.sentBytes += elapsedMs * this.#bytesPerMs;
  }

  #plan(): void {
    if (this.#active.length === 0 || this.#bytesPerMs === 0) return;
    let next = Infinity;
    for (const transfer of this.#active) next = Math.min(next, transfer.outAtBytes);
    const delayMs = (Math.max(0, next - this.#shareBytes) * this.#active.length) / this.#bytesPerMs;
    const dueMs = this.#agenda.nowMs + delayMs;
    // An earlier look plans again by itself.
    if (this.#dueMs <= dueMs + this.#agenda.stepMs) return;
    this.#dueMs = dueMs;
    this.#agenda.after(delayMs, this, dueCode, dueMs);
  }
}

export class Downlink {
  readonly #bytesPerMs: number;
  /** When all that began to come is through, were it to come as fast as the line can. */
  #throughMs = 0;

  constructor(bytesPerSecond: number) {
    this.#bytesPerMs = bytesPerSecond / 1000;
    assert(bytesPerSecond > 0, "a downlink has a rate");
  }

  /** When the piece that is out now will be whole here. */
  wholeMs(transfer: Transfer, nowMs: number): number {
    this.#throughMs = Math.max(this.#throughMs, transfer.startedMs) + transfer.bytes / this.#bytesPerMs;
    return Math.max(nowMs, this.#throughMs);
  }
}
