/**
 * A host's two line ends, as a fluid.
 *
 * The uplink is shared equally by the pieces on their way (processor sharing, which is what many TCP
 * streams of one sender come to). The downlink takes what comes as fast as its rate allows and never
 * stands still while something is due: a piece is whole when its sender has put it out and when all
 * that began before it has passed. A sender's slot stays taken until then, which stands for TCP's
 * back-pressure. Not modelled: loss, slow start, congestion inside the network.
 */

import { assert, type Rows } from "#base/mod.ts";
import type { Actor, Agenda } from "./agenda.ts";
import type { Wire } from "./wire.ts";

const dueCode = 0;
/** Bytes within which a piece counts as out: rounding must not keep it. */
const nearlyBytes = 1e-3;
/** And the part of a step: what is due sooner, the agenda takes for due now. */
const nearlyStep = 1e-5;

/** What counts as nothing left on a line of this rate: the agenda knows no later time for it. */
export function nearlyNothingBytes(bytesPerMs: number, stepMs: number): number {
  return Math.max(nearlyBytes, bytesPerMs * stepMs * nearlyStep);
}

/** A line end's row. */
const rowOf = {
  bytesPerMs: 0,
  /** Since when it has this rate, and what it could have carried before. */
  sinceMs: 1,
  beforeBytes: 2,
  /**
   * What a piece on its way since the beginning would have sent; at a downlink what it must have been able to take
   * for all that is out to be through.
   */
  shareBytes: 3,
  lastMs: 4,
  /** When the next look is due; later looks replace it. */
  dueMs: 5,
  sentBytes: 6,
  /** The share at which the next piece is out. */
  nextOutAtBytes: 7,
} as const;
export const lineRowNumbers = 8;

/** What a line could have carried by now, whatever its rate was meanwhile. */
class Line {
  protected readonly rows: Rows;
  protected readonly row: number;

  constructor(rows: Rows, bytesPerSecond: number) {
    this.rows = rows;
    this.row = rows.take();
    rows.numbers[this.row + rowOf.bytesPerMs] = bytesPerSecond / 1000;
  }

  protected capacityAt(nowMs: number): number {
    const { rows, row } = this;
    const sinceMs = nowMs - rows.numbers[row + rowOf.sinceMs]!;
    return rows.numbers[row + rowOf.beforeBytes]! + sinceMs * rows.numbers[row + rowOf.bytesPerMs]!;
  }

  protected changeRate(bytesPerSecond: number, nowMs: number): void {
    const { rows, row } = this;
    rows.numbers[row + rowOf.beforeBytes] = this.capacityAt(nowMs);
    rows.numbers[row + rowOf.sinceMs] = nowMs;
    rows.numbers[row + rowOf.bytesPerMs] = bytesPerSecond / 1000;
  }
}

export class Uplink extends Line implements Actor {
  readonly #agenda: Agenda;
  readonly #onOut: (wire: Wire) => void;
  /** Connections with a piece on its way, the next to be out first. */
  readonly #active: Wire[] = [];
  /** Those that fell silent: they take nothing of the line. */
  readonly #held: Wire[] = [];
  /** The look that counts, by its number. */
  #look = 0;

  constructor(agenda: Agenda, rows: Rows, bytesPerSecond: number, onOut: (wire: Wire) => void) {
    super(rows, bytesPerSecond);
    this.#agenda = agenda;
    this.#onOut = onOut;
    this.#dueMs = Infinity;
    this.#lookAtFirst();
  }

  /** What it could have sent by now. */
  get capacityBytes(): number {
    return this.capacityAt(this.#agenda.nowMs);
  }

  /** Bytes sent. */
  get sentBytes(): number {
    return this.rows.numbers[this.row + rowOf.sentBytes]!;
  }

  get #shareBytes(): number {
    return this.rows.numbers[this.row + rowOf.shareBytes]!;
  }

  get #dueMs(): number {
    return this.rows.numbers[this.row + rowOf.dueMs]!;
  }

  set #dueMs(atMs: number) {
    this.rows.numbers[this.row + rowOf.dueMs] = atMs;
  }

  /** So many bytes begin on the connection, which carries nothing else now. */
  start(wire: Wire, bytes: number): void {
    this.#advance();
    wire.bytes = bytes;
    wire.isOut = false;
    wire.crossing = false;
    wire.outAtBytes = this.#shareBytes + bytes;
    wire.throughAtBytes = wire.child.downlink.capacityBytes(this.#agenda.nowMs);
    this.#add(wire);
    this.#plan();
  }

  /** The line is slower or faster from now on; at 0 it stands still. */
  setRate(bytesPerSecond: number): void {
    this.#advance();
    this.changeRate(bytesPerSecond, this.#agenda.nowMs);
    this.#dueMs = Infinity;
    this.#plan();
  }

  /** The connection is gone: its piece takes no more of the line. */
  abandon(wire: Wire): void {
    this.#advance();
    this.#take(wire);
    take(this.#held, wire);
    this.#plan();
  }

  /** The connection fell silent: its piece waits. */
  hold(wire: Wire): void {
    this.#advance();
    if (!this.#take(wire)) return;
    wire.outAtBytes -= this.#shareBytes;
    this.#held.push(wire);
    this.#plan();
  }

  /** The connection is heard again: its piece goes on. */
  release(wire: Wire): void {
    this.#advance();
    if (!take(this.#held, wire)) return;
    wire.outAtBytes += this.#shareBytes;
    this.#add(wire);
    this.#plan();
  }

  on(_code: number, look: unknown): void {
    if (look !== this.#look) return;
    this.#dueMs = Infinity;
    this.#advance();
    const bytesPerMs = this.rows.numbers[this.row + rowOf.bytesPerMs]! / this.#active.length;
    const outAtBytes = this.#shareBytes + nearlyNothingBytes(bytesPerMs, this.#agenda.stepMs);
    while (this.#active.length > 0 && this.#nextOutAtBytes <= outAtBytes) {
      const wire = this.#active.shift()!;
      this.#lookAtFirst();
      this.#onOut(wire);
    }
    this.#plan();
  }

  get #nextOutAtBytes(): number {
    return this.rows.numbers[this.row + rowOf.nextOutAtBytes]!;
  }

  #lookAtFirst(): void {
    this.rows.numbers[this.row + rowOf.nextOutAtBytes] = this.#active[0]?.outAtBytes ?? Infinity;
  }

  #take(wire: Wire): boolean {
    const isTaken = take(this.#active, wire);
    if (isTaken) this.#lookAtFirst();
    return isTaken;
  }

  /** Pieces of one length are out in the order in which they began: the place is mostly the last. */
  #add(wire: Wire): void {
    const { outAtBytes } = wire;
    let at = this.#active.push(wire) - 1;
    while (at > 0 && this.#active[at - 1]!.outAtBytes > outAtBytes) {
      this.#active[at] = this.#active[at - 1]!;
      at--;
    }
    this.#active[at] = wire;
    if (at === 0) this.#lookAtFirst();
  }

  #advance(): void {
    const { nowMs } = this.#agenda;
    const { numbers } = this.rows;
    const elapsedMs = nowMs - numbers[this.row + rowOf.lastMs]!;
    numbers[this.row + rowOf.lastMs] = nowMs;
    if (this.#active.length === 0 || elapsedMs <= 0) return;
    const bytes = elapsedMs * numbers[this.row + rowOf.bytesPerMs]!;
    numbers[this.row + rowOf.shareBytes]! += bytes / this.#active.length;
    numbers[this.row + rowOf.sentBytes]! += bytes;
  }

  #plan(): void {
    const bytesPerMs = this.rows.numbers[this.row + rowOf.bytesPerMs]!;
    if (this.#active.length === 0 || bytesPerMs === 0) return;
    const delayMs = (Math.max(0, this.#nextOutAtBytes - this.#shareBytes) * this.#active.length) / bytesPerMs;
    const dueMs = this.#agenda.nowMs + delayMs;
    // An earlier look plans again by itself.
    if (this.#dueMs <= dueMs + this.#agenda.stepMs) return;
    this.#dueMs = dueMs;
    this.#agenda.after(delayMs, this, dueCode, ++this.#look);
  }
}

/** False when it was not among them. */
function take(wires: Wire[], wire: Wire): boolean {
  const at = wires.indexOf(wire);
  if (at >= 0) wires.splice(at, 1);
  return at >= 0;
}

/** All that a downlink looks at of a piece. */
type Passing = Pick<Wire, "bytes" | "throughAtBytes">;

export class Downlink extends Line {
  constructor(rows: Rows, bytesPerSecond: number) {
    assert(bytesPerSecond > 0, "a downlink has a rate");
    super(rows, bytesPerSecond);
  }

  /** What it could have taken by now. */
  capacityBytes(nowMs: number): number {
    return this.capacityAt(nowMs);
  }

  setRate(bytesPerSecond: number, nowMs: number): void {
    this.changeRate(bytesPerSecond, nowMs);
  }

  /** The piece is out: it takes its place behind those that were out before. Returns `wholeMs`. */
  out(piece: Passing, nowMs: number): number {
    const through = this.row + rowOf.shareBytes;
    const throughBytes = Math.max(this.rows.numbers[through]!, piece.throughAtBytes) + piece.bytes;
    this.rows.numbers[through] = piece.throughAtBytes = throughBytes;
    return this.wholeMs(piece, nowMs);
  }

  /** When the piece that is out will be whole here, at the line's present rate. */
  wholeMs(piece: Passing, nowMs: number): number {
    const missingBytes = piece.throughAtBytes - this.capacityAt(nowMs);
    return missingBytes <= nearlyBytes ? nowMs : nowMs + missingBytes / this.rows.numbers[this.row + rowOf.bytesPerMs]!;
  }
}
