/**
 * One parent of one download: what it holds, what stands with it, and how fast it has been.
 *
 * The measure of a parent is the time between two pieces of its own to us while something stood with
 * it: that includes its other children, its link and ours, which is just what the next piece will meet.
 */

import { Bitfield, removeAt, type Rows } from "#base/mod.ts";
import type { EntryShare, ParentOffer } from "#core/protocol/mod.ts";

/** Weight of the newest interval in the average. */
const newestWeight = 0.3;
/** A parent's row: what is known of its time. */
const rowOf = {
  /** When the last frame or byte came. */
  heardMs: 0,
  startedMs: 1,
  intervalMs: 2,
  /** Since when the parent owes us a piece. */
  owingSinceMs: 3,
  restUntilMs: 4,
} as const;
export const parentRowNumbers = 5;
/** In a row: not known, or no such time. */
const none = -1;
const restMs = { first: 1_000, max: 16_000 } as const;

/** A piece that is asked back, since when, and for whom. */
interface AskedBack {
  readonly index: number;
  readonly sinceMs: number;
  readonly taker: Parent | undefined;
}

export class Parent {
  readonly id: string;
  readonly offer: ParentOffer;
  readonly seed: boolean;
  readonly across: boolean;
  /** Its copies count when the rarest pieces are looked for: a seed has them all, another site's are not here. */
  readonly counts: boolean;
  readonly #rows: Rows;
  readonly #row: number;
  state: "dialling" | "open" | "resting" | "banned" = "dialling";
  /** The manager gave others instead: it is asked for nothing more, and left when what it has begun has come. */
  leaving = false;
  /** What may be asked of it: all that it holds, or in another site what enters ours through us. */
  has = new Bitfield(0);
  /** What it holds; another field than `has` only in another site. */
  #all = this.has;
  /** Asked for, not begun, in the order in which they were asked. */
  readonly standing: number[] = [];
  /** The piece whose bytes are coming now. */
  started: number | undefined;
  /** Asked to be given back. */
  readonly cancelling: AskedBack[] = [];
  /** By which the wants know it while it has something in hand; 0 before. */
  number = 0;
  failuresInRow = 0;
  bytes = 0;

  /** Its times are kept in a row of `rows`, until it is dismissed. */
  constructor(offer: ParentOffer, nowMs: number, rows: Rows) {
    this.id = offer.id;
    this.offer = offer;
    this.seed = offer.seed;
    this.across = offer.across === true;
    this.counts = !this.seed && !this.across;
    this.#rows = rows;
    this.#row = rows.take();
    this.heardMs = nowMs;
    this.#intervalMs = none;
    this.#owingSinceMs = none;
  }

  /** It is no parent any more. */
  dismiss(): void {
    this.#rows.free(this.#row);
  }

  get heardMs(): number {
    return this.#rows.numbers[this.#row + rowOf.heardMs]!;
  }

  set heardMs(atMs: number) {
    this.#rows.numbers[this.#row + rowOf.heardMs] = atMs;
  }

  get startedMs(): number {
    return this.#rows.numbers[this.#row + rowOf.startedMs]!;
  }

  set startedMs(atMs: number) {
    this.#rows.numbers[this.#row + rowOf.startedMs] = atMs;
  }

  get restUntilMs(): number {
    return this.#rows.numbers[this.#row + rowOf.restUntilMs]!;
  }

  set restUntilMs(atMs: number) {
    this.#rows.numbers[this.#row + rowOf.restUntilMs] = atMs;
  }

  get #intervalMs(): number {
    return this.#rows.numbers[this.#row + rowOf.intervalMs]!;
  }

  set #intervalMs(ms: number) {
    this.#rows.numbers[this.#row + rowOf.intervalMs] = ms;
  }

  get #owingSinceMs(): number {
    return this.#rows.numbers[this.#row + rowOf.owingSinceMs]!;
  }

  set #owingSinceMs(atMs: number) {
    this.#rows.numbers[this.#row + rowOf.owingSinceMs] = atMs;
  }

  /** Something is on its way, or may be, that is not to come from it any more. */
  get crossing(): boolean {
    if (!this.across) return false;
    if (this.started !== undefined && !this.has.has(this.started)) return true;
    return this.cancelling.some(({ index }) => !this.has.has(index));
  }

  get owed(): number {
    return this.standing.length + (this.started === undefined ? 0 : 1);
  }

  /** The piece stands here no longer; false when it did not. */
  drop(index: number): boolean {
    const place = this.standing.indexOf(index);
    if (place < 0) return false;
    removeAt(this.standing, place);
    return true;
  }

  #asksBack(index: number): number {
    return this.cancelling.findIndex((asked) => asked.index === index);
  }

  /** The piece is to be given back, for `taker` if there is one. */
  askBack(index: number, taker: Parent | undefined, nowMs: number): void {
    this.drop(index);
    this.#forget(index);
    this.cancelling.push({ index, sinceMs: nowMs, taker });
  }

  /** It has given the piece back, or comes to it after all; returns who was to take it. */
  gaveBack(index: number): Parent | undefined {
    this.drop(index);
    return this.#forget(index)?.taker;
  }

  #forget(index: number): AskedBack | undefined {
    if (this.cancelling.length === 0) return undefined;
    const place = this.#asksBack(index);
    return place < 0 ? undefined : this.cancelling.splice(place, 1)[0];
  }

  opened(pieces: Bitfield, entry: EntryShare | undefined, nowMs: number): void {
    this.state = "open";
    this.#all = pieces;
    this.heardMs = nowMs;
    this.admit(entry);
  }

  /** It holds one piece more; false when that is no news, or not for us. */
  gained(index: number, entry: EntryShare | undefined): boolean {
    this.#all.grow(index + 1);
    const isNew = this.#all.set(index);
    if (!this.across) return isNew;
    if (!enters(index, entry)) return false;
    this.has.grow(index + 1);
    return this.has.set(index);
  }

  /** Other pieces may enter through us than before. Returns what stands here and may no longer. */
  admit(entry: EntryShare | undefined): number[] {
    this.has = this.#all;
    if (!this.across) return [];
    this.has = new Bitfield(this.#all.length);
    for (const index of this.#all.indices()) if (enters(index, entry)) this.has.set(index);
    return this.standing.filter((index) => !this.has.has(index));
  }

  /** What it holds is unknown until it opens again, after a rest. */
  lost(nowMs: number): void {
    this.has = this.#all = new Bitfield(0);
    if (this.state === "banned") return;
    this.state = "resting";
    this.restUntilMs = nowMs + Math.min(restMs.max, restMs.first * 2 ** this.failuresInRow++);
  }

  /** It is dialled again at `untilMs`, if not sooner. */
  restAtMost(untilMs: number): void {
    this.restUntilMs = Math.min(this.restUntilMs, untilMs);
  }

  /** The last of these pieces that it could send. */
  lastOf(indices: readonly number[]): number | undefined {
    return indices.findLast((index) => this.has.has(index));
  }

  /** Its pace is known. */
  get measured(): boolean {
    return this.#intervalMs !== none;
  }

  asked(nowMs: number): void {
    if (this.#owingSinceMs === none) this.#owingSinceMs = nowMs;
  }

  /** It was asked for the piece, and has neither sent it nor given it back. */
  mayStillSend(index: number): boolean {
    return this.started === index || this.standing.includes(index) || this.#asksBack(index) >= 0;
  }

  /** A piece of ours is whole. */
  delivered(nowMs: number): void {
    const interval = this.#owingSinceMs === none ? 0 : nowMs - this.#owingSinceMs;
    if (this.measured) this.#intervalMs += newestWeight * (interval - this.#intervalMs);
    else this.#intervalMs = interval;
    this.#owingSinceMs = this.owed > 0 ? nowMs : none;
    this.failuresInRow = 0;
  }

  /** A piece was taken back. When nothing stands with it any more, the time it let pass counts as its pace. */
  settle(nowMs: number): void {
    if (this.owed > 0 || this.#owingSinceMs === none) return;
    this.#intervalMs = Math.max(this.measured ? this.#intervalMs : 0, nowMs - this.#owingSinceMs);
    this.#owingSinceMs = none;
  }

  /** Milliseconds until it will have sent us one piece; grows while it owes one and sends none. */
  intervalMs(nowMs: number, guessMs: number): number {
    const owing = this.#owingSinceMs === none ? 0 : nowMs - this.#owingSinceMs;
    return Math.max(this.measured ? this.#intervalMs : guessMs, owing, 1);
  }

  /** When a piece asked of it now would be whole, from now. */
  waitMs(nowMs: number, guessMs: number): number {
    return (this.owed + 1) * this.intervalMs(nowMs, guessMs);
  }

  /** Everything it owes is void. Returns what stood with it. */
  forsake(): number[] {
    const owed = [...this.standing, ...this.cancelling.map(({ index }) => index)];
    if (this.started !== undefined) owed.push(this.started);
    this.standing.length = 0;
    this.cancelling.length = 0;
    this.started = undefined;
    this.#owingSinceMs = none;
    return owed;
  }
}

/** Whether the piece is to come into our site through us. */
function enters(index: number, entry: EntryShare | undefined): boolean {
  return entry?.mine.includes(index % entry.ways) ?? false;
}
