/**
 * What of an object is wanted: all of it, or only the parts that somebody asked for; and where readers
 * are who take bytes in order, so that what they need next goes before what is rarest.
 *
 * A part is told in bytes, since it is asked for before anybody knows how the object is cut.
 */

/** One asker's part of an object. */
export interface Wish {
  readonly start: number;
  /** The byte after the last; Infinity: to the end. */
  readonly end: number;
  /** The next byte that a reader waits for; undefined where the order is all the same. */
  position: number | undefined;
}

/** Wishes in terms of pieces. */
export interface PieceInterest {
  wants(index: number): boolean;
  /** Pieces that readers need next, the most urgent first; few. */
  ahead(): readonly number[];
}

/** How far ahead of a reader pieces are got in its order: about what a fast link brings in a round trip. */
const aheadBytes = 4 * 1024 * 1024;
const aheadPieces = { min: 2, max: 16 } as const;

export class Interest {
  readonly #wishes = new Set<Wish>();

  /** False when it was there already. */
  add(wish: Wish): boolean {
    return this.#wishes.size < this.#wishes.add(wish).size;
  }

  /** True when it was there. */
  delete(wish: Wish): boolean {
    return this.#wishes.delete(wish);
  }

  /** Where parts begin that do not begin at the start. */
  starts(): number[] {
    return [...this.#wishes].map(({ start }) => start).filter((start) => start > 0);
  }

  /** Nobody wants the whole. */
  get partsOnly(): boolean {
    return [...this.#wishes].every(({ start, end }) => start > 0 || end !== Infinity);
  }

  /** Whether `holds` is true of every piece that is wanted; false while the object's length is unknown. */
  met(holds: (index: number) => boolean, pieceBytes: number, lengthBytes: number | undefined): boolean {
    if (lengthBytes === undefined) return false;
    return [...this.#wishes].every((wish) => wishMet(wish, holds, pieceBytes, lengthBytes));
  }

  ofPieces(pieceBytes: number): PieceInterest {
    return {
      wants: (index) => {
        const start = index * pieceBytes;
        for (const wish of this.#wishes) if (wish.start < start + pieceBytes && start < wish.end) return true;
        return false;
      },
      ahead: () => this.#ahead(pieceBytes),
    };
  }

  /** Readers in turn: the next piece of each, then the one behind it. */
  #ahead(pieceBytes: number): number[] {
    const pieces: number[] = [];
    const deep = Math.max(aheadPieces.min, Math.min(aheadPieces.max, Math.ceil(aheadBytes / pieceBytes)));
    const readers = [...this.#wishes].filter(({ position }) => position !== undefined);
    for (let step = 0; step < deep; step++) {
      for (const { position, end } of readers) {
        const index = Math.floor(position! / pieceBytes) + step;
        if (index * pieceBytes < end) pieces.push(index);
      }
    }
    return pieces;
  }
}

export function wishMet(
  { start, end }: Wish,
  holds: (index: number) => boolean,
  pieceBytes: number,
  lengthBytes: number,
): boolean {
  const last = Math.min(end, lengthBytes);
  for (let index = Math.floor(start / pieceBytes); index * pieceBytes < last; index++) if (!holds(index)) return false;
  return true;
}
