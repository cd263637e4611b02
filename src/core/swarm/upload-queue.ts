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
 * Who has it from the origin holds back the second copy to other sites, so that who got the first can pass it on;
 * so does, near by, a seed that still fetches: its line is for what nobody has, and for its acknowledgements.
 *
 * Invariants:
 *  1. A want is given out once; it comes back only when its child asks again.
 *  2. No child has more than one piece on its way at a time, and no more pieces are on their way than
 *     this parent holds.
 *  3. A child's wants are bounded by `wantsMax`; what exceeds it is refused at once.
 */

import { assert, removeAt } from "#base/mod.ts";
import { Crossings } from "./crossings.ts";
import { GainedLog } from "./gained-log.ts";
import { scarcePieces } from "./pace.ts";
import { WantRows, wantsMax } from "./want-rows.ts";

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
  /** Its own line carries what it fetches itself, or the acknowledgements of that. */
  readonly fetching?: boolean;
  /** To children of the own site, or of others. */
  readonly near?: boolean;
  readonly across?: boolean;
}

/** Pieces sent more often than this count as equally common. */
const sentCountMax = 0xffff;
/** Who got a piece of a seed that still fetches has this long to pass it on. */
const passOnMs = 2_000;

/** One child of this parent; `owner` is whatever the caller knows it by. */
export class Child<Owner> {
  readonly owner: Owner;
  /** It is in another site. */
  readonly across: boolean;
  /** Its row among the wants. */
  readonly row: number;
  busy = false;
  /** It has come, and not left. */
  isHere = false;
  /** It stands among those to be chosen from. */
  isReady = false;
  /** How many pieces had begun when it came to stand there. */
  readyAt = 0;
  /** Wants that wait. */
  waiting = 0;
  /** How much of the log of gained pieces it was told. */
  told: number;

  constructor(owner: Owner, told: number, row: number, across = false) {
    this.owner = owner;
    this.across = across;
    this.row = row;
    this.told = told;
  }

  /** Nothing of its own stands here. */
  get hungry(): boolean {
    return !this.busy && this.waiting === 0;
  }
}

/**
 * Who waits while so many pieces begin for each child goes first, whatever it wants. With more children than
 * slots it would else wait for ever where others always want what was never sent: its own wants grow old.
 */
const roundsMax = 2;
const nobody: readonly never[] = [];

export class UploadQueue<Owner> {
  readonly #children = new Set<Child<Owner>>();
  readonly #wants = new WantRows();
  /** By their rows. */
  readonly #byRow: (Child<Owner> | undefined)[] = [];
  /** Rows of children with wants and nothing on its way, in their turn: those that `next` chooses from. */
  readonly #ready: number[] = [];
  /** How many children are hungry. */
  #hungry = 0;
  /** Piece -> how often this parent sent it, near by and across. */
  readonly #sentCounts = { near: new Uint16Array(0), across: new Uint16Array(0) };
  /** Piece -> when this parent began to send it near by. */
  #leftMs = new Float64Array(0);
  readonly #gained = new GainedLog();

  /** Pieces held when the log of gained ones began. */
  readonly #heldBefore: number;
  #sending = 0;
  /** Pieces that began. */
  #begun = 0;
  /** The last look found nothing near by to send. */
  #parched = false;
  /** Pieces on their way to other sites, and those that were. */
  #crossing = 0;
  #crossed = 0;
  /** Only where pieces come from the origin: who gets one of a host elsewhere may ask others for it. */
  readonly #crossings: Crossings | undefined;
  /** What the last `next` passed over for now: when the first of it may go; undefined when there was none. */
  heldUntilMs: number | undefined;

  constructor(heldBefore = 0, { fromOrigin = false } = {}) {
    this.#heldBefore = heldBefore;
    if (fromOrigin) this.#crossings = new Crossings();
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
    for (const child of this.#children) waiting += child.waiting;
    return waiting;
  }

  /** A child that knows what is held now. */
  add(owner: Owner, across = false): Child<Owner> {
    const child = new Child(owner, this.#gained.length, this.#wants.take(across), across);
    child.isHere = true;
    this.#byRow[child.row] = child;
    this.#children.add(child);
    this.#hungry++;
    return child;
  }

  remove(child: Child<Owner>): void {
    if (!this.#children.delete(child)) return;
    child.isHere = false;
    if (child.hungry) this.#hungry--;
    this.#leaveReady(child);
    this.#byRow[child.row] = undefined;
    this.#wants.free(child.row);
    this.#rest(child);
  }

  /**
   * One piece more is held here. Returns who is to be told at once: the hungry children, and all of them
   * while there are few pieces and none that is wanted may be sent.
   */
  gained(index: number): readonly Child<Owner>[] {
    this.#gained.add(index);
    if (this.#gained.isLong) this.#forgetKnown();
    if (this.#parched && this.#held <= scarcePieces) return [...this.#children];
    if (this.#hungry === 0) return nobody;
    return Array.from(this.#children).filter((child) => child.hungry);
  }

  get #held(): number {
    return this.#heldBefore + this.#gained.length;
  }

  #forgetKnown(): void {
    let told = this.#gained.length;
    for (const child of this.#children) told = Math.min(told, child.told);
    this.#gained.forget(told);
  }

  /** What was gained since the child was told last; it counts as told now. */
  takeNews(child: Child<Owner>): readonly number[] {
    if (!child.isHere || child.told === this.#gained.length) return [];
    const news = this.#gained.from(child.told);
    child.told = this.#gained.length;
    return news;
  }

  /** Adds wants. Returns those refused. */
  want(child: Child<Owner>, indices: readonly number[]): readonly number[] {
    if (!child.isHere) return indices;
    let refused: number[] | undefined;
    for (const index of indices) {
      if (this.#wants.has(child.row, index)) continue;
      if (child.waiting === wantsMax) (refused ??= []).push(index);
      else {
        this.#wants.add(child.row, index, this.#countsOf(child)[index] ?? 0);
        this.#wait(child, child.waiting + 1);
      }
    }
    this.#takeTurn(child);
    return refused ?? [];
  }

  /** Takes wants back. Returns those that had not begun; the others come as pieces. */
  cancel(child: Child<Owner>, indices: readonly number[], nowMs: number): number[] {
    if (!child.isHere) return [];
    const dropped = indices.filter((index) => this.#wants.drop(child.row, index));
    this.#wait(child, child.waiting - dropped.length);
    if (child.waiting === 0) this.#leaveReady(child);
    if (child.across) for (const index of dropped) this.#crossings?.takenBack(index, nowMs);
    return dropped;
  }

  /**
   * The next piece to send, now on its way; undefined when every want's child is busy or there is
   * none that `may` be sent.
   */
  next(
    nowMs: number,
    { repeat = true, fetching = false, near = true, across = true }: MaySend = {},
  ): Want<Owner> | undefined {
    this.heldUntilMs = undefined;
    this.#parched = near;
    if (this.#sending >= Math.max(1, this.#held)) return undefined;
    const mayCross = across && this.#crossing <= this.#crossed;
    const best = { index: -1, sent: repeat ? sentCountMax + 1 : 1 };
    const isHeld = (index: number, crosses: boolean): boolean =>
      (crosses || (fetching && this.#held > scarcePieces)) && this.#isHeld(index, crosses, nowMs);
    const choice = { near, across: mayCross, isHeld };
    let turn = this.#wants.choose(this.#overdue(), choice, best);
    if (turn < 0) turn = this.#wants.choose(this.#ready, choice, best);
    if (turn < 0) return undefined;
    this.#parched = false;
    const child = this.#byRow[this.#ready[turn]!];
    assert(child !== undefined, "who is chosen was ready");
    removeAt(this.#ready, turn);
    child.isReady = false;
    child.busy = true;
    this.#wants.drop(child.row, best.index);
    this.#wait(child, child.waiting - 1);
    this.#sending++;
    this.#begun++;
    if (child.across) {
      this.#crossing++;
      this.#crossings?.left(best.index, nowMs);
    }
    this.#count(child, best.index, best.sent + 1);
    if (!child.across) this.#left(best.index, nowMs);
    return { child, index: best.index, repeat: best.sent > 0 };
  }

  /** Who stands first among the ready, if it waits for too long. */
  #overdue(): readonly number[] {
    const row = this.#ready[0];
    if (row === undefined) return nobody;
    const waits = this.#begun - this.#byRow[row]!.readyAt;
    return waits < roundsMax * this.#children.size ? nobody : [row];
  }

  #isHeld(index: number, crosses: boolean, nowMs: number): boolean {
    const heldUntilMs = crosses ? (this.#crossings?.heldUntilMs(index) ?? nowMs) : this.#leftMs[index]! + passOnMs;
    if (heldUntilMs <= nowMs) return false;
    this.heldUntilMs = Math.min(this.heldUntilMs ?? Infinity, heldUntilMs);
    return true;
  }

  /** A piece is sent, or its child is gone. */
  sent({ child, index }: Want<Owner>): void {
    if (!child.isHere) this.#lost(child, index);
    this.#rest(child);
    if (child.isHere) this.#takeTurn(child);
  }

  /** Its child is gone before it had it: it is as if it had not left. */
  #lost(child: Child<Owner>, index: number): void {
    if (child.across) this.#crossings?.lost(index);
    else this.#leftMs[index] = -Infinity;
  }

  #wait(child: Child<Owner>, wants: number): void {
    const wasHungry = child.hungry;
    child.waiting = wants;
    this.#hungry += Number(child.hungry) - Number(wasHungry);
  }

  /** Behind all others that are ready, unless it has its place. */
  #takeTurn(child: Child<Owner>): void {
    if (child.isReady || child.busy || child.waiting === 0) return;
    child.isReady = true;
    child.readyAt = this.#begun;
    this.#ready.push(child.row);
  }

  #leaveReady(child: Child<Owner>): void {
    if (!child.isReady) return;
    child.isReady = false;
    removeAt(this.#ready, this.#ready.indexOf(child.row));
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
    this.#wants.recount(index, counts[index], child.across);
  }

  #left(index: number, nowMs: number): void {
    if (index >= this.#leftMs.length) {
      const larger = new Float64Array(Math.max(index + 1, this.#leftMs.length * 2));
      larger.set(this.#leftMs);
      this.#leftMs = larger;
    }
    this.#leftMs[index] = nowMs;
  }

  /** Nothing is on its way to the child any more. */
  #rest(child: Child<Owner>): void {
    if (!child.busy) return;
    child.busy = false;
    if (child.waiting === 0 && child.isHere) this.#hungry++;
    this.#sending--;
    if (!child.across) return;
    this.#crossing--;
    this.#crossed++;
  }
}
