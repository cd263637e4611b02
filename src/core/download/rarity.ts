/**
 * The pieces that may still be asked for, how many parents hold each, and the choice of the rarest
 * ones (rarest first; Legout et al. 2006 found it close to ideal piece diversity). Ties are broken from
 * a random place on, so that hosts that see the same swarm ask for different pieces.
 *
 * The numbers of copies are kept in vertical counters: plane `p` has, for each piece, bit `p` of its
 * number. So a parent's whole bitfield is added 32 pieces at a time, and a choice is made the same way. The
 * words of 32 pieces lie together, so that news of one piece touches one place of the memory.
 */

import { assert, type Bitfield } from "#base/mod.ts";

/** Up to 15 copies; a plane is added when a piece gets more. */
const planesAtFirst = 4;
const noWords = new Int32Array(0);

/** What a choice may still choose from, and the rarest of it; used within one call. */
let left = noWords;
let rarest = noWords;

export class Rarity {
  /** For each 32 pieces the bits of the open ones, then their planes, the lowest first. */
  #words = noWords;
  /** How many times 32 pieces. */
  #width = 0;
  #planes = planesAtFirst;

  /** Makes room for pieces below `pieces`. */
  grow(pieces: number): void {
    if (pieces <= this.#width << 5) return;
    this.#resize(Math.max((pieces + 31) >> 5, this.#width * 2), this.#planes);
  }

  #resize(width: number, planes: number): void {
    const old = this.#words;
    const [stride, oldStride] = [1 + planes, 1 + this.#planes];
    this.#words = new Int32Array(width * stride);
    for (let word = 0; word < this.#width; word++) {
      this.#words.set(old.subarray(word * oldStride, (word + 1) * oldStride), word * stride);
    }
    this.#width = width;
    this.#planes = planes;
  }

  /** The piece may be asked for from now on. */
  open(index: number): void {
    this.grow(index + 1);
    this.#words[this.#openAt(index >> 5)]! |= bitOf(index);
  }

  /** The piece stands with somebody, or is held. */
  close(index: number): void {
    if (index >> 5 < this.#width) this.#words[this.#openAt(index >> 5)]! &= ~bitOf(index);
  }

  isOpen(index: number): boolean {
    return index >> 5 < this.#width && (this.#words[this.#openAt(index >> 5)]! & bitOf(index)) !== 0;
  }

  /** Where the open ones of these 32 pieces lie; their planes lie behind. */
  #openAt(word: number): number {
    return word * (1 + this.#planes);
  }

  copies(index: number): number {
    if (index >> 5 >= this.#width) return 0;
    let copies = 0;
    for (let plane = 0; plane < this.#planes; plane++) {
      if ((this.#words[this.#openAt(index >> 5) + 1 + plane]! & bitOf(index)) !== 0) copies += 1 << plane;
    }
    return copies;
  }

  /** One parent more holds the piece. */
  add(index: number): void {
    this.grow(index + 1);
    this.#addWord(index >> 5, bitOf(index));
  }

  addAll(pieces: Bitfield): void {
    this.grow(pieces.length);
    const { words } = pieces;
    for (let word = 0; word < words.length; word++) if (words[word] !== 0) this.#addWord(word, words[word]!);
  }

  #addWord(word: number, bits: number): void {
    let carry = bits;
    for (let plane = 1; carry !== 0; plane++) {
      if (plane > this.#planes) this.#resize(this.#width, this.#planes + 1);
      const at = this.#openAt(word) + plane;
      const before = this.#words[at]!;
      this.#words[at] = before ^ carry;
      carry &= before;
    }
  }

  /** One parent less holds them: each was added before. */
  removeAll(pieces: Bitfield): void {
    const { words } = pieces;
    for (let word = 0; word < words.length; word++) {
      let borrow = words[word]!;
      for (let plane = 1; borrow !== 0; plane++) {
        assert(plane <= this.#planes, "a piece that goes was counted");
        const at = this.#openAt(word) + plane;
        const before = this.#words[at]!;
        this.#words[at] = before ^ borrow;
        borrow &= ~before;
      }
    }
  }

  /** At most `count` open pieces of `among`, rarest first; `unit` gives a number in [0, 1). */
  rarest(among: Bitfield, count: number, unit: () => number): number[] {
    const { words } = among;
    const width = Math.min(words.length, this.#width);
    if (width === 0 || count <= 0) return [];
    const start = Math.floor(unit() * width * 32);
    if (left.length < width) {
      left = new Int32Array(width);
      rarest = new Int32Array(width);
    }
    // As long as it may get: a list that grows takes room for many more.
    const chosen: number[] = [];
    chosen.length = Math.min(count, width << 5);
    let found = 0;
    let some = 0;
    for (let word = 0; word < width; word++) some |= left[word] = this.#words[this.#openAt(word)]! & words[word]!;
    while (some !== 0) {
      this.#findRarest(width);
      found = takeFrom(start, width, chosen, found);
      if (found === chosen.length) return chosen;
      some = 0;
      for (let word = 0; word < width; word++) some |= left[word]! &= ~rarest[word]!;
    }
    chosen.length = found;
    return chosen;
  }

  /** Of those left, the ones with the fewest copies: without the highest bit where any has none, and so on. */
  #findRarest(width: number): void {
    const stride = 1 + this.#planes;
    for (let word = 0; word < width; word++) rarest[word] = left[word]!;
    for (let plane = this.#planes; plane > 0; plane--) {
      let some = 0;
      for (let word = 0; word < width; word++) some |= rarest[word]! & ~this.#words[word * stride + plane]!;
      if (some === 0) continue;
      for (let word = 0; word < width; word++) rarest[word]! &= ~this.#words[word * stride + plane]!;
    }
  }
}

/**
 * Adds the rarest behind the `found` ones in `chosen` while there is room, from the bit `start` on and round
 * to it. Returns how many there are.
 */
function takeFrom(start: number, width: number, chosen: number[], found: number): number {
  let count = found;
  const startWord = start >> 5;
  // The first word is walked twice: from the random bit on, and at the end what came before it.
  const lowBits = (1 << (start & 31)) - 1;
  for (let step = 0; step <= width; step++) {
    const word = startWord + step < width ? startWord + step : startWord + step - width;
    let bits = rarest[word]!;
    if (step === 0) bits &= ~lowBits;
    else if (step === width) bits &= lowBits;
    while (bits !== 0) {
      chosen[count++] = (word << 5) + ((31 - Math.clz32(bits & -bits)) ^ 7);
      if (count === chosen.length) return count;
      bits &= bits - 1;
    }
  }
  return count;
}

function bitOf(index: number): number {
  return 1 << ((index & 31) ^ 7);
}
