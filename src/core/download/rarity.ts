/**
 * The pieces that may still be asked for, ordered by how many parents hold them, and the choice of the
 * rarest ones (rarest first; Legout et al. 2006 found it close to ideal piece diversity). Ties are
 * broken from a random place on, so that hosts that see the same swarm ask for different pieces.
 *
 * Each number of copies has a row of bits with the open pieces that have so many; a choice walks the
 * rows from the lowest, 32 pieces at a time. News of one piece costs two bits, whatever their number.
 */

import type { Bitfield } from "#base/mod.ts";

/** Pieces with more copies than this count as equally common. */
const levelsMax = 16;

export class Rarity {
  #copies = new Uint8Array(0);
  /** 1: may be asked for. */
  #open = new Uint8Array(0);
  /** How many pieces each row has. */
  readonly #sizes = new Int32Array(levelsMax);
  readonly #levels: Int32Array[] = Array.from({ length: levelsMax }, () => new Int32Array(0));

  /** Makes room for pieces below `pieces`. */
  grow(pieces: number): void {
    if (pieces <= this.#copies.length) return;
    const room = Math.max((pieces + 31) & ~31, this.#copies.length * 2);
    this.#copies = enlarged(this.#copies, new Uint8Array(room));
    this.#open = enlarged(this.#open, new Uint8Array(room));
    for (let level = 0; level < levelsMax; level++) {
      this.#levels[level] = enlarged(this.#levels[level]!, new Int32Array(room >> 5));
    }
  }

  /** The piece may be asked for from now on. */
  open(index: number): void {
    this.grow(index + 1);
    if (this.#open[index] === 1) return;
    this.#open[index] = 1;
    this.#flip(index, 1);
  }

  /** The piece stands with somebody, or is held. */
  close(index: number): void {
    if (this.#open[index] !== 1) return;
    this.#open[index] = 0;
    this.#flip(index, -1);
  }

  isOpen(index: number): boolean {
    return this.#open[index] === 1;
  }

  copies(index: number): number {
    return this.#copies[index] ?? 0;
  }

  /** One parent more holds the piece. */
  add(index: number): void {
    this.grow(index + 1);
    this.#count(index, 1);
  }

  addAll(pieces: Bitfield): void {
    for (const index of pieces.indices()) this.add(index);
  }

  removeAll(pieces: Bitfield): void {
    for (const index of pieces.indices()) if (this.copies(index) > 0) this.#count(index, -1);
  }

  #count(index: number, change: number): void {
    const isOpen = this.#open[index] === 1;
    if (isOpen) this.#flip(index, -1);
    this.#copies[index]! += change;
    if (isOpen) this.#flip(index, 1);
  }

  /** Puts the piece into the row of its level (1), or takes it out (-1). */
  #flip(index: number, change: number): void {
    const level = Math.min(this.#copies[index]!, levelsMax - 1);
    this.#sizes[level]! += change;
    this.#levels[level]![index >> 5]! ^= 1 << ((index & 31) ^ 7);
  }

  /** At most `count` open pieces of `among`, rarest first; `unit` gives a number in [0, 1). */
  rarest(among: Bitfield, count: number, unit: () => number): number[] {
    const chosen: number[] = [];
    const { words } = among;
    const length = Math.min(words.length, this.#copies.length >> 5);
    if (length === 0 || count <= 0) return chosen;
    const start = Math.floor(unit() * length * 32);
    const startWord = start >> 5;
    // The first word is walked twice: from the random bit on, and at the end what came before it.
    const lowBits = (1 << (start & 31)) - 1;
    for (let level = 0; level < levelsMax; level++) {
      if (this.#sizes[level] === 0) continue;
      const row = this.#levels[level]!;
      for (let step = 0; step <= length; step++) {
        const word = startWord + step < length ? startWord + step : startWord + step - length;
        let bits = row[word]! & words[word]!;
        if (step === 0) bits &= ~lowBits;
        else if (step === length) bits &= lowBits;
        while (bits !== 0) {
          chosen.push((word << 5) + ((31 - Math.clz32(bits & -bits)) ^ 7));
          if (chosen.length === count) return chosen;
          bits &= bits - 1;
        }
      }
    }
    return chosen;
  }
}

function enlarged<T extends Uint8Array | Int32Array>(old: T, larger: T): T {
  larger.set(old);
  return larger;
}
