/**
 * When pieces left for other sites, and how long the next copy of each is held back: whoever got it passes
 * it on to the other sites, so that the line out of this one is left to what has not crossed yet. Without
 * that, where pieces come in no faster than they go out, there is never a second one to choose and each
 * goes out at once to every site that wants it.
 *
 * How long that takes is seen here: another site takes its want back when it hears that a neighbour has the
 * piece. A copy is held for three times what that took on the mean, and at least two seconds, since real lines
 * have queues before the news comes through; each copy that had to go out after all brings the wait back
 * towards the least: whoever has the piece may be cut off, and then no wait helps.
 */

const holdMs = { min: 2_000, max: 10_000 } as const;
const holdMeans = 3;
const leastMeanMs = holdMs.min / holdMeans;
/** Weight of the newest in the mean. */
const newestWeight = 1 / 6;

export class Crossings {
  /** Piece -> when it left last. */
  readonly #leftMs = new Map<number, number>();
  #meanMs = leastMeanMs;

  left(index: number, nowMs: number): void {
    if (this.#leftMs.has(index)) this.#learn(leastMeanMs);
    this.#leftMs.set(index, nowMs);
  }

  /** Somebody else in another site wants it no more. */
  takenBack(index: number, nowMs: number): void {
    const tookMs = nowMs - (this.#leftMs.get(index) ?? -Infinity);
    if (tookMs <= holdMs.max) this.#learn(tookMs);
  }

  /** Whom it went to is gone before it had it: it is as if it had not left. */
  lost(index: number): void {
    this.#leftMs.delete(index);
  }

  #learn(tookMs: number): void {
    this.#meanMs += newestWeight * (tookMs - this.#meanMs);
  }

  /** Until when no more of it goes out. */
  heldUntilMs(index: number): number {
    const leftMs = this.#leftMs.get(index);
    if (leftMs === undefined) return -Infinity;
    return leftMs + Math.min(holdMs.max, Math.max(holdMs.min, holdMeans * this.#meanMs));
  }
}
