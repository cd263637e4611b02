/**
 * How many parents hold each piece, and the choice of the rarest ones (rarest first; Legout et al.
 * 2006 found it close to ideal piece diversity). Ties are broken at random, so that hosts that see
 * the same swarm ask for different pieces.
 */

import type { Bitfield } from "#base/mod.ts";

export class Rarity {
  #copies: number[] = [];

  add(index: number): void {
    this.#copies[index] = (this.#copies[index] ?? 0) + 1;
  }

  addAll(pieces: Bitfield): void {
    for (const index of pieces.indices()) this.add(index);
  }

  removeAll(pieces: Bitfield): void {
    for (const index of pieces.indices()) this.#copies[index] = Math.max(0, (this.#copies[index] ?? 0) - 1);
  }

  copies(index: number): number {
    return this.#copies[index] ?? 0;
  }

  /**
   * At most `count` pieces below `pieces` that `eligible` admits, rarest first. One walk from a
   * random start; `unit` gives a number in [0, 1).
   */
  rarest(pieces: number, count: number, eligible: (index: number) => boolean, unit: () => number): number[] {
    if (pieces === 0 || count <= 0) return [];
    const best: { index: number; copies: number }[] = [];
    const start = Math.floor(unit() * pieces);
    for (let step = 0; step < pieces; step++) {
      const index = (start + step) % pieces;
      if (!eligible(index)) continue;
      const copies = this.copies(index);
      if (best.length === count && copies >= best[count - 1]!.copies) continue;
      let place = best.length;
      while (place > 0 && best[place - 1]!.copies > copies) place--;
      best.splice(place, 0, { index, copies });
      if (best.length > count) best.pop();
      if (best.length === count && best[count - 1]!.copies === 0) break;
    }
    return best.map((piece) => piece.index);
  }
}
