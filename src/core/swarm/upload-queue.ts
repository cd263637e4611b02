/**
 * What a parent sends next, out of everything its children want, and which children hear at once of
 * what it has got.
 *
 * It sends the piece that it has sent least often, so that a seed sends every piece once before any
 * twice, and takes its children in turn. While it holds few pieces it sends few at a time: the first
 * one goes to one child with all of the line, since a piece that is whole somewhere can be passed on.
 * Serving the neediest child first would starve those who came early while others keep coming, and
 * give the line to hosts that can't use it; docs/decisions/0008 has the comparison.
 *
 * Invariants:
 *  1. A want is given out once; it comes back only when its child asks again.
 *  2. No child has more than one piece on its way at a time, and no more pieces are on their way than
 *     this parent holds.
 *  3. A child's wants are bounded by `wantsMax`; what exceeds it is refused at once.
 */

export interface Want<Owner> {
  readonly child: Child<Owner>;
  readonly index: number;
  /** This parent has sent the piece before. */
  readonly repeat: boolean;
}

/** Who holds more has something for everybody, so that news can wait. */
const fewPieces = 64;
/** A child that asks for more than this is told no: its own window is far smaller. */
export const wantsMax = 512;

/** One child of this parent; `owner` is whatever the caller knows it by. */
export class Child<Owner> {
  readonly owner: Owner;
  busy = false;
  readonly wants: number[] = [];
  /** How much of the log of gained pieces it was told. */
  told: number;

  constructor(owner: Owner, told: number) {
    this.owner = owner;
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
  /** Children with wants and nothing on its way: those that `next` chooses from. */
  readonly #ready = new Set<Child<Owner>>();
  readonly #sentCount: number[] = [];
  /** Pieces in the order in which this parent got them. */
  readonly #gained: number[] = [];

  /** Pieces held when the log of gained ones began. */
  readonly #heldBefore: number;
  #sending = 0;

  constructor(heldBefore = 0) {
    this.#heldBefore = heldBefore;
  }

  get children(): ReadonlySet<Child<Owner>> {
    return this.#children;
  }

  /** Wants that wait. */
  get waiting(): number {
    let waiting = 0;
    for (const child of this.#children) waiting += child.wants.length;
    return waiting;
  }

  /** A child that knows what is held now. */
  add(owner: Owner): Child<Owner> {
    const child = new Child(owner, this.#gained.length);
    this.#children.add(child);
    return child;
  }

  remove(child: Child<Owner>): void {
    this.#children.delete(child);
    this.#ready.delete(child);
    this.#rest(child);
  }

  /** One piece more is held here. Returns who is to be told at once: while few are held, the hungry children. */
  gained(index: number): Child<Owner>[] {
    this.#gained.push(index);
    const hungry: Child<Owner>[] = [];
    if (this.#heldBefore + this.#gained.length > fewPieces) return hungry;
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
    if (!child.busy && child.wants.length > 0) this.#ready.add(child);
    return refused ?? [];
  }

  /** Takes wants back. Returns those that had not begun; the others come as pieces. */
  cancel(child: Child<Owner>, indices: readonly number[]): number[] {
    const dropped = indices.filter((index) => child.drop(index));
    if (child.wants.length === 0) this.#ready.delete(child);
    return dropped;
  }

  /**
   * The next piece to send, now on its way; undefined when every want's child is busy or there is
   * none. Without `mayRepeat` only pieces that were never sent count.
   */
  next(mayRepeat = true): Want<Owner> | undefined {
    if (this.#sending >= Math.max(1, this.#heldBefore + this.#gained.length)) return undefined;
    let bestChild: Child<Owner> | undefined;
    let bestIndex = -1;
    let bestSent = mayRepeat ? Infinity : 1;
    for (const child of this.#ready) {
      for (const index of child.wants) {
        const sent = this.#sentCount[index] ?? 0;
        if (sent >= bestSent) continue;
        bestChild = child;
        bestIndex = index;
        bestSent = sent;
      }
      if (bestSent === 0) break;
    }
    if (bestChild === undefined) return undefined;
    bestChild.drop(bestIndex);
    bestChild.busy = true;
    this.#sending++;
    this.#ready.delete(bestChild);
    this.#sentCount[bestIndex] = bestSent + 1;
    return { child: bestChild, index: bestIndex, repeat: bestSent > 0 };
  }

  /** A piece is sent, or its child is gone. */
  sent({ child }: Want<Owner>): void {
    this.#rest(child);
    if (child.wants.length > 0 && this.#children.has(child)) this.#ready.add(child);
  }

  /** Nothing is on its way to the child any more. */
  #rest(child: Child<Owner>): void {
    if (!child.busy) return;
    child.busy = false;
    this.#sending--;
  }
}
