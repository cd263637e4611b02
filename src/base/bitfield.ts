/**
 * A set of small integers in a row of bits, with its size kept beside it.
 *
 * On the wire bit `i` lives in byte `i >> 3` at `0x80 >> (i & 7)` (the order of BEP 3, so that a dump
 * reads from left to right). In memory the same bytes are words of 32 bits, in which sets are compared
 * at once; on a little-endian machine, the only kind that Node runs on here, bit `b` of word `w` is
 * index `32 w + (b ^ 7)`. The length is fixed unless `grow` is called: an object of unknown length grows.
 */

import { assert } from "./assert.ts";

/** How many bits of a word are set (Hacker's Delight, figure 5-2). */
function bitCount(word: number): number {
  let bits = word - ((word >>> 1) & 0x55555555);
  bits = (bits & 0x33333333) + ((bits >>> 2) & 0x33333333);
  return Math.imul((bits + (bits >>> 4)) & 0x0f0f0f0f, 0x01010101) >>> 24;
}

export class Bitfield {
  #words: Int32Array;
  #length: number;
  #count = 0;

  constructor(length: number) {
    assert(Number.isSafeInteger(length) && length >= 0, "a bitfield's length is a whole number");
    this.#length = length;
    this.#words = new Int32Array((length + 31) >> 5);
  }

  /** Reads what `toBytes` wrote. Bits past `length` are ignored, missing bytes count as zeros. */
  static fromBytes(bytes: Uint8Array, length: number): Bitfield {
    const field = new Bitfield(length);
    const usable = Math.min(bytes.length, (length + 7) >> 3);
    const mine = new Uint8Array(field.#words.buffer);
    mine.set(bytes.subarray(0, usable));
    if (usable << 3 > length) mine[usable - 1]! &= 0xff << ((usable << 3) - length);
    for (const word of field.#words) field.#count += bitCount(word);
    return field;
  }

  get length(): number {
    return this.#length;
  }

  /** How many bits are set. */
  get count(): number {
    return this.#count;
  }

  get full(): boolean {
    return this.#count === this.#length;
  }

  /** The bits as words, for whole-set comparisons; only to be read, and not kept: `grow` makes new ones. */
  get words(): Int32Array {
    return this.#words;
  }

  has(index: number): boolean {
    return index < this.#length && (this.#words[index >> 5]! & bitOf(index)) !== 0;
  }

  /** Sets bit `index`; true when it was not set before. */
  set(index: number): boolean {
    assert(index >= 0 && index < this.#length, "a bit to set lies within the field");
    const word = this.#words[index >> 5]!;
    const bit = bitOf(index);
    if ((word & bit) !== 0) return false;
    this.#words[index >> 5] = word | bit;
    this.#count++;
    return true;
  }

  /** Clears bit `index`; true when it was set before. */
  clear(index: number): boolean {
    if (!this.has(index)) return false;
    this.#words[index >> 5]! &= ~bitOf(index);
    this.#count--;
    return true;
  }

  /** Makes room for at least `length` bits; never shrinks. */
  grow(length: number): void {
    if (length <= this.#length) return;
    const wordsNeeded = (length + 31) >> 5;
    if (wordsNeeded > this.#words.length) {
      const larger = new Int32Array(Math.max(wordsNeeded, this.#words.length * 2));
      larger.set(this.#words);
      this.#words = larger;
    }
    this.#length = length;
  }

  /** The first index at or after `from` that is not set, or `length` when there is none. */
  firstClear(from = 0): number {
    let index = from;
    while (index < this.#length) {
      if ((index & 31) === 0 && this.#words[index >> 5] === -1) index += 32;
      else if (this.has(index)) index++;
      else return index;
    }
    return this.#length;
  }

  /** The indices that are set, in order. */
  *indices(): Generator<number> {
    for (let index = 0; index < this.#length; index++) {
      if ((index & 31) === 0 && this.#words[index >> 5] === 0) index += 31;
      else if (this.has(index)) yield index;
    }
  }

  clone(): Bitfield {
    const copy = new Bitfield(this.#length);
    copy.#words.set(this.#words.subarray(0, copy.#words.length));
    copy.#count = this.#count;
    return copy;
  }

  /** Clears what is set in `other`. */
  remove(other: Bitfield): void {
    for (const index of other.indices()) if (this.has(index)) this.clear(index);
  }

  /** Whether anything is set here that is not set in `other`. */
  exceeds(other: Bitfield): boolean {
    const mine = this.#words;
    const theirs = other.#words;
    for (let word = 0; word < mine.length; word++) {
      if ((mine[word]! & ~(word < theirs.length ? theirs[word]! : 0)) !== 0) return true;
    }
    return false;
  }

  toBytes(): Uint8Array {
    return new Uint8Array(this.#words.buffer.slice(0, (this.#length + 7) >> 3));
  }
}

function bitOf(index: number): number {
  return 1 << ((index & 31) ^ 7);
}
