/**
 * What a parent sends next, out of everything its children want.
 *
 * A peer serves its neediest child first (the one that holds least), and gives it the piece that this
 * peer has sent least often. A seed sends every piece once before any twice ("fresh first"), and among
 * equals serves the neediest child: that shortens the time in which one seed holds what nobody has.
 *
 * Invariants:
 *  1. A want is given out once; it comes back only when its child asks again.
 *  2. No child has more than one piece on its way at a time.
 *  3. A child's wants are bounded by `wantsMax`; what exceeds it is refused at once.
 */

export interface UploadQueueOptions {
  readonly freshFirst: boolean;
}

export interface Want {
  readonly child: string;
  readonly index: number;
  /** This parent has sent the piece before. */
  readonly repeat: boolean;
}

/** A child that asks for more than this is told no: its own window is far smaller. */
export const wantsMax = 512;

interface Child {
  held: number;
  busy: boolean;
  readonly wants: Set<number>;
}

export class UploadQueue {
  readonly #freshFirst: boolean;
  readonly #children = new Map<string, Child>();
  readonly #sentCount: number[] = [];

  constructor(options: UploadQueueOptions) {
    this.#freshFirst = options.freshFirst;
  }

  get children(): number {
    return this.#children.size;
  }

  /** Wants that wait. */
  get waiting(): number {
    let waiting = 0;
    for (const child of this.#children.values()) waiting += child.wants.size;
    return waiting;
  }

  add(child: string): void {
    if (!this.#children.has(child)) this.#children.set(child, { held: 0, busy: false, wants: new Set() });
  }

  remove(child: string): void {
    this.#children.delete(child);
  }

  /** Adds wants; `held` is how many pieces the child holds. Returns those refused. */
  want(child: string, indices: readonly number[], held: number): number[] {
    const state = this.#children.get(child);
    if (state === undefined) return [...indices];
    state.held = held;
    const refused: number[] = [];
    for (const index of indices) {
      if (state.wants.has(index) || state.wants.size < wantsMax) state.wants.add(index);
      else refused.push(index);
    }
    return refused;
  }

  /** Takes wants back. Returns those that had not begun; the others come as pieces. */
  cancel(child: string, indices: readonly number[]): number[] {
    const wants = this.#children.get(child)?.wants;
    return indices.filter((index) => wants?.delete(index) === true);
  }

  /**
   * The next piece to send, now on its way; undefined when every want's child is busy or there is
   * none. Without `mayRepeat` only pieces that were never sent count.
   */
  next(mayRepeat = true): Want | undefined {
    let bestChild: Child | undefined;
    let bestId = "";
    let bestIndex = -1;
    let bestSent = Infinity;
    for (const [id, child] of this.#children) {
      if (child.busy || child.wants.size === 0) continue;
      // A peer compares children before pieces: one that is not needier cannot win.
      if (!this.#freshFirst && bestChild !== undefined && child.held > bestChild.held) continue;
      for (const index of child.wants) {
        const sent = this.#sentCount[index] ?? 0;
        if (sent > 0 && !mayRepeat) continue;
        if (bestChild !== undefined) {
          const needier = child.held - bestChild.held;
          const rarer = sent - bestSent;
          if ((this.#freshFirst ? rarer || needier : needier || rarer) >= 0) continue;
        }
        bestChild = child;
        bestId = id;
        bestIndex = index;
        bestSent = sent;
      }
    }
    if (bestChild === undefined) return undefined;
    bestChild.wants.delete(bestIndex);
    bestChild.busy = true;
    this.#sentCount[bestIndex] = bestSent + 1;
    return { child: bestId, index: bestIndex, repeat: bestSent > 0 };
  }

  /** A piece is sent, or its child is gone. */
  sent(want: Want): void {
    const child = this.#children.get(want.child);
    if (child === undefined) return;
    child.busy = false;
    child.held++;
  }
}
