/**
 * The pieces that a parent got, in the order in which it got them, for as long as some child has not been
 * told of them. Places in the log count from its beginning, whatever of it is gone.
 */

/** So many pieces are kept before those are looked for that everybody knows. */
const keptMin = 64;

export class GainedLog {
  /** What is left of it. */
  #pieces: number[] = [];
  /** Pieces before these. */
  #gone = 0;
  #tidyAt = keptMin;

  /** All that were gained. */
  get length(): number {
    return this.#gone + this.#pieces.length;
  }

  add(index: number): void {
    this.#pieces.push(index);
  }

  /** The pieces from this place on. */
  from(place: number): readonly number[] {
    return this.#pieces.slice(place - this.#gone);
  }

  /** Long enough for `forget` to be worth its while. */
  get isLong(): boolean {
    return this.#pieces.length >= this.#tidyAt;
  }

  /** Nobody asks for what lies before this place any more. */
  forget(place: number): void {
    this.#pieces = this.#pieces.slice(place - this.#gone);
    this.#gone = place;
    this.#tidyAt = Math.max(keptMin, 2 * this.#pieces.length);
  }
}
