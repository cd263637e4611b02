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

/** More copies than any piece has: there is no parent for each of them. */
const nowhere = 0xffff;

/**
 * What a choice may still choose from, and of each word with anything left the rarest bits and how many copies
 * these have; used within one call.
 */
let left = noWords;
let rarest = noWords;
let least = new Uint16Array(0);

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
    const width = Math.min(among.words.length, this.#width);
    if (width === 0 || count <= 0) return [];
    const start = Math.floor(unit() * width * 32);
    if (left.length < width) {
      left = new Int32Array(width);
      rarest = new Int32Array(width);
      least = new Uint16Array(width);
    }
    // As long as it may get: a list that grows takes room for many more.
    const chosen: number[] = [];
    chosen.length = Math.min(count, width << 5);
    let found = 0;
    let copies = this.#look(among.words, width);
    while (copies < nowhere) {
      found = takeFrom(start, width, copies, chosen, found);
      if (found === chosen.length) return chosen;
      copies = this.#lookFurther(width, copies);
    }
    chosen.length = found;
    return chosen;
  }

  /** Fills `left`, and what is rarest of each word. Returns how few copies the rarest of all have. */
  #look(among: Int32Array, width: number): number {
    let fewest = nowhere;
    for (let word = 0; word < width; word++) {
      const bits = this.#words[this.#openAt(word)]! & among[word]!;
      left[word] = bits;
      const copies = bits === 0 ? nowhere : this.#findRarest(word, bits);
      if (copies < fewest) fewest = copies;
    }
    return fewest;
  }

  /** Those with so few copies are taken: what is the rarest now? */
  #lookFurther(width: number, taken: number): number {
    let fewest = nowhere;
    for (let word = 0; word < width; word++) {
      if (left[word] === 0) continue;
      let copies = least[word]!;
      if (copies === taken) {
        const bits = (left[word]! &= ~rarest[word]!);
        copies = bits === 0 ? nowhere : this.#findRarest(word, bits);
      }
      if (copies < fewest) fewest = copies;
    }
    return fewest;
  }

  /** Of these bits of a word the ones with the fewest copies: without the highest bit where any has none, and so on. */
  #findRarest(word: number, bits: number): number {
    const openAt = this.#openAt(word);
    let rare = bits;
    let copies = 0;
    for (let plane = this.#planes; plane > 0; plane--) {
      const without = rare & ~this.#words[openAt + plane]!;
      copies <<= 1;
      if (without === 0) copies++;
      else rare = without;
    }
    rarest[word] = rare;
    return (least[word] = copies);
  }
}

/**
 * Adds the rarest, which have so many copies, behind the `found` ones in `chosen` while there is room, from the
 * bit `start` on and round to it. Returns how many there are.
 */
function takeFrom(start: number, width: number, copies: number, chosen: number[], found: number): number {
  let count = found;
  const startWord = start >> 5;
  // The first word is walked twice: from the random bit on, and at the end what came before it.
  const lowBits = (1 << (start & 31)) - 1;
  for (let step = 0; step <= width; step++) {
    const word = startWord + step < width ? startWord + step : startWord + step - width;
    if (left[word] === 0 || least[word] !== copies) continue;
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
