/**
 * When pieces left for other sites, and how long the next copy of each is held back: whoever got it passes
 * it on to the other sites, so that the line out of this one is left to what has not crossed yet. Without
 * that, where pieces come in no faster than they go out, there is never a second one to choose and each
 * goes out at once to every site that wants it.
 *
 * As long as a few pieces need to cross, since its taker must have it whole and tell of it; at most
 * `holdMs.max`, whatever became of the taker.
 */

const holdMs = { min: 2_000, max: 10_000 } as const;
const holdCrossings = 4;
/** Weight of the newest crossing in the mean. */
const newestWeight = 0.2;

export class Crossings {
  /** Piece -> when it left last. */
  readonly #leftMs = new Map<number, number>();
  #meanMs = 0;

  left(index: number, nowMs: number): void {
    this.#leftMs.set(index, nowMs);
  }

  /** It has crossed, or whom it went to is gone: then it is as if it had not left. */
  over(index: number, isThere: boolean, nowMs: number): void {
    const leftMs = this.#leftMs.get(index);
    if (leftMs === undefined) return;
    if (isThere) this.#meanMs += newestWeight * (nowMs - leftMs - this.#meanMs);
    else this.#leftMs.delete(index);
  }

  /** Until when no more of it goes out. */
  heldUntilMs(index: number): number {
    const leftMs = this.#leftMs.get(index);
    if (leftMs === undefined) return -Infinity;
    return leftMs + Math.min(holdMs.max, Math.max(holdMs.min, holdCrossings * this.#meanMs));
  }
}
