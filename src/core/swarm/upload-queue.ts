/**
 * What a parent sends next, out of everything its children want, and which children hear at once of
 * what it has got.
 *
 * It sends the piece that it has sent least often, so that a seed sends every piece once before any
 * twice, and takes its children in turn. While it holds few pieces it sends few at a time: the first
 * one goes to one child with all of the line, since a piece that is whole somewhere can be passed on.
 * Serving the neediest child first would starve those who came early while others keep coming, and
 * give the line to hosts that can't use it; docs/decisions/0008 has the comparison. What goes to other
 * sites is counted apart, so that a piece crosses once before any twice, wherever it was sent near by; and it
 * begins with one piece, then two: the sooner the first is there, the sooner other sites have something to give.
 *
 * Invariants:
 *  1. A want is given out once; it comes back only when its child asks again.
 *  2. No child has more than one piece on its way at a time, and no more pieces are on their way than
 *     this parent holds.
 *  3. A child's wants are bounded by `wantsMax`; what exceeds it is refused at once.
 */

import { assert } from "#base/mod.ts";

export interface Want<Owner> {
  readonly child: Child<Owner>;
  readonly index: number;
  /** This parent has sent the piece before. */
  readonly repeat: boolean;
}

/** What may be sent next. */
export interface MaySend {
  /** Pieces that were sent before. */
  readonly repeat?: boolean;
  /** To children of the own site, or of others. */
  readonly near?: boolean;
  readonly across?: boolean;
}

/** A child that asks for more than this is told no: its own window is far smaller. */
export const wantsMax = 512;
/** Pieces sent more often than this count as equally common. */
const sentCountMax = 0xffff;

/** One child of this parent; `owner` is whatever the caller knows it by. */
export class Child<Owner> {
  readonly owner: Owner;
  /** It is in another site. */
  readonly across: boolean;
  busy = false;
  /** It stands among those to be chosen from. */
  isReady = false;
  readonly wants: number[] = [];
  /** How much of the log of gained pieces it was told. */
  told: number;

  constructor(owner: Owner, told: number, across = false) {
    this.owner = owner;
    this.across = across;
    this.told = told;
  }

  /** Nothing of its own stands here. */
  get hungry(): boolean {
    return !this.busy && this.wants.length === 0;
  }

  /** Takes the want back; false when there is none. */
  drop(index: number): boolean {
    const place = this.wants.indexOf(index);
    if (place < 0) return false;
    this.wants.splice(place, 1);
    return true;
  }
}

export class UploadQueue<Owner> {
  readonly #children = new Set<Child<Owner>>();
  /** Children with wants and nothing on its way, in their turn: those that `next` chooses from. */
  readonly #ready: Child<Owner>[] = [];
  /** Piece -> how often this parent sent it, near by and across. */
  readonly #sentCounts = { near: new Uint16Array(0), across: new Uint16Array(0) };
  /** Pieces in the order in which this parent got them. */
  readonly #gained: number[] = [];

  /** Pieces held when the log of gained ones began. */
  readonly #heldBefore: number;
  #sending = 0;
  /** Pieces on their way to other sites, and those that were. */
  #crossing = 0;
  #crossed = 0;

  constructor(heldBefore = 0) {
    this.#heldBefore = heldBefore;
  }

  get children(): ReadonlySet<Child<Owner>> {
    return this.#children;
  }

  /** No want waits whose child has nothing on its way. */
  get idle(): boolean {
    return this.#ready.length === 0;
  }

  /** Wants that wait. */
  get waiting(): number {
    let waiting = 0;
    for (const child of this.#children) waiting += child.wants.length;
    return waiting;
  }

  /** A child that knows what is held now. */
  add(owner: Owner, across = false): Child<Owner> {
    const child = new Child(owner, this.#gained.length, across);
    this.#children.add(child);
    return child;
  }

  remove(child: Child<Owner>): void {
    this.#children.delete(child);
    this.#leaveReady(child);
    this.#rest(child);
  }

  /** One piece more is held here. Returns who is to be told at once: the hungry children. */
  gained(index: number): Child<Owner>[] {
    this.#gained.push(index);
    const hungry: Child<Owner>[] = [];
    for (const child of this.#children) if (child.hungry) hungry.push(child);
    return hungry;
  }

  /** What was gained since the child was told last; it counts as told now. */
  takeNews(child: Child<Owner>): readonly number[] {
    if (child.told === this.#gained.length) return [];
    const news = this.#gained.slice(child.told);
    child.told = this.#gained.length;
    return news;
  }

  /** Adds wants. Returns those refused. */
  want(child: Child<Owner>, indices: readonly number[]): readonly number[] {
    if (!this.#children.has(child)) return indices;
    let refused: number[] | undefined;
    for (const index of indices) {
      if (child.wants.includes(index)) continue;
      if (child.wants.length < wantsMax) child.wants.push(index);
      else (refused ??= []).push(index);
    }
    this.#takeTurn(child);
    return refused ?? [];
  }

  /** Takes wants back. Returns those that had not begun; the others come as pieces. */
  cancel(child: Child<Owner>, indices: readonly number[]): number[] {
    const dropped = indices.filter((index) => child.drop(index));
    if (child.wants.length === 0) this.#leaveReady(child);
    return dropped;
  }

  /**
   * The next piece to send, now on its way; undefined when every want's child is busy or there is
   * none that `may` be sent.
   */
  next({ repeat = true, near = true, across = true }: MaySend = {}): Want<Owner> | undefined {
    if (this.#sending >= Math.max(1, this.#heldBefore + this.#gained.length)) return undefined;
    const mayCross = across && this.#crossing <= this.#crossed;
    let turn = -1;
    let bestIndex = -1;
    let bestSent = repeat ? sentCountMax + 1 : 1;
    for (let at = 0; at < this.#ready.length && bestSent > 0; at++) {
      const child = this.#ready[at]!;
      if (!(child.across ? mayCross : near)) continue;
      const counts = this.#countsOf(child);
      for (const index of child.wants) {
        const sent = counts[index] ?? 0;
        if (sent >= bestSent) continue;
        turn = at;
        bestIndex = index;
        bestSent = sent;
      }
    }
    if (turn < 0) return undefined;
    const [child] = this.#ready.splice(turn, 1);
    assert(child !== undefined, "who is chosen was ready");
    child.drop(bestIndex);
    child.isReady = false;
    child.busy = true;
    this.#sending++;
    if (child.across) this.#crossing++;
    this.#count(child, bestIndex, bestSent + 1);
    return { child, index: bestIndex, repeat: bestSent > 0 };
  }

  /** A piece is sent, or its child is gone. */
  sent({ child }: Want<Owner>): void {
    this.#rest(child);
    if (this.#children.has(child)) this.#takeTurn(child);
  }

  /** Behind all others that are ready, unless it has its place. */
  #takeTurn(child: Child<Owner>): void {
    if (child.isReady || child.busy || child.wants.length === 0) return;
    child.isReady = true;
    this.#ready.push(child);
  }

  #leaveReady(child: Child<Owner>): void {
    if (!child.isReady) return;
    child.isReady = false;
    this.#ready.splice(this.#ready.indexOf(child), 1);
  }

  #countsOf(child: Child<Owner>): Uint16Array {
    return child.across ? this.#sentCounts.across : this.#sentCounts.near;
  }

  #count(child: Child<Owner>, index: number, sent: number): void {
    let counts = this.#countsOf(child);
    if (index >= counts.length) {
      const larger = new Uint16Array(Math.max(index + 1, counts.length * 2));
      larger.set(counts);
      this.#sentCounts[child.across ? "across" : "near"] = counts = larger;
    }
    counts[index] = Math.min(sent, sentCountMax);
  }

  /** Nothing is on its way to the child any more. */
  #rest(child: Child<Owner>): void {
    if (!child.busy) return;
    child.busy = false;
    this.#sending--;
    if (!child.across) return;
    this.#crossing--;
    this.#crossed++;
  }
}
