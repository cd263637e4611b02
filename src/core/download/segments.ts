/**
 * Which run of pieces each connection to the origin fetches next.
 *
 * Every missing piece belongs to at most one worker, so the origin sends no byte twice. A worker that
 * comes free takes the first unowned run; when none is left it takes the back half of the longest run
 * still being worked on, if that is long enough to pay for a connection.
 */

import { assert, type Bitfield } from "#base/mod.ts";

export interface Segment {
  /** Next piece to fetch. */
  next: number;
  /** The piece after the last one; moves down when another worker takes the back half. */
  end: number;
}

export class Segments {
  /** Runs that nobody works on, in order. */
  #free: Segment[] = [];
  #active = new Set<Segment>();
  readonly #splitPiecesMin: number;
  /** Where the next free run to claim begins, if one begins there. */
  #sought: number | undefined;

  /** `splitPiecesMin`: the shortest back half worth a connection of its own, in pieces. */
  constructor(have: Bitfield, splitPiecesMin: number) {
    assert(splitPiecesMin >= 1, "a split takes at least one piece");
    this.#splitPiecesMin = splitPiecesMin;
    this.#addMissing(have);
  }

  /** One run from the start to an end that nobody knows yet; it is never split. */
  static unbounded(have: Bitfield): Segments {
    const segments = new Segments(have, Infinity);
    segments.#free.push({ next: have.length, end: Infinity });
    return segments;
  }

  /** The object turned out to have `pieces` pieces: a run without an end gets one. */
  settle(pieces: number): void {
    for (const segment of this.#active) {
      segment.end = Math.min(segment.end, pieces);
      if (segment.next >= segment.end) this.#active.delete(segment);
    }
    this.#free = this.#free.filter((segment) => segment.next < pieces);
    for (const segment of this.#free) segment.end = Math.min(segment.end, pieces);
  }

  #addMissing(have: Bitfield): void {
    let index = have.firstClear();
    while (index < have.length) {
      let end = index;
      while (end < have.length && !have.has(end)) end++;
      this.#free.push({ next: index, end });
      index = have.firstClear(end);
    }
  }

  /** A run to fetch, or undefined when all the rest is in good hands. */
  claim(): Segment | undefined {
    const at = this.#free.findIndex(({ next }) => next === this.#sought);
    const segment = this.#free.splice(Math.max(at, 0), 1)[0] ?? this.#split();
    if (segment !== undefined) this.#active.add(segment);
    return segment;
  }

  /**
   * Somebody waits for piece `index`: the run from it on is claimed next. False when that is not worth
   * it: nobody has to fetch it, or a worker is less than `nearPieces` before it.
   */
  seek(index: number, nearPieces: number): boolean {
    const owner = [...this.#active].find(({ next, end }) => next <= index && index < end);
    const run = owner ?? this.#free.find(({ next, end }) => next <= index && index < end);
    if (run === undefined || run.end === Infinity || (run === owner && index - run.next < nearPieces)) return false;
    if (run === owner || index > run.next) {
      this.#free.push({ next: index, end: run.end });
      this.#free.sort((a, b) => a.next - b.next);
      run.end = index;
    }
    this.#sought = index;
    return true;
  }

  /** Whether `claim` would give something. */
  get claimable(): boolean {
    return this.#free.length > 0 || this.#longest() !== undefined;
  }

  /** The worker's next piece is stored. False when its run is over. */
  advance(segment: Segment): boolean {
    segment.next++;
    if (segment.next < segment.end) return true;
    this.#active.delete(segment);
    return false;
  }

  /** The worker failed: what it had left is free again. */
  release(segment: Segment): void {
    if (!this.#active.delete(segment)) return;
    if (segment.next < segment.end) {
      this.#free.push({ next: segment.next, end: segment.end });
      this.#free.sort((a, b) => a.next - b.next);
    }
  }

  get finished(): boolean {
    return this.#free.length === 0 && this.#active.size === 0;
  }

  #longest(): Segment | undefined {
    let longest: Segment | undefined;
    for (const segment of this.#active) {
      if (segment.end === Infinity || segment.end - segment.next < 2 * this.#splitPiecesMin) continue;
      if (longest === undefined || segment.end - segment.next > longest.end - longest.next) longest = segment;
    }
    return longest;
  }

  #split(): Segment | undefined {
    const longest = this.#longest();
    if (longest === undefined) return undefined;
    const middle = longest.next + Math.ceil((longest.end - longest.next) / 2);
    const back = { next: middle, end: longest.end };
    longest.end = middle;
    return back;
  }
}
