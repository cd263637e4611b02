/**
 * A set of small integers in a row of bits, with its size kept beside it.
 *
 * Bit `i` lives in byte `i >> 3` at `0x80 >> (i & 7)` (the order of BEP 3, so that a dump reads from
 * left to right). The same bytes are seen as words of 32 bits, in which sets are compared at once; on
 * a little-endian machine, the only kind that Node runs on here, bit `b` of word `w` is index
 * `32 w + (b ^ 7)`. The length is fixed unless `grow` is called: an object of unknown length grows.
 */

import { assert } from "./assert.ts";

export class Bitfield {
  #bytes: Uint8Array;
  #words: Int32Array;
  #length: number;
  #count = 0;

  constructor(length: number) {
    assert(Number.isSafeInteger(length) && length >= 0, "a bitfield's length is a whole number");
    this.#length = length;
    this.#words = new Int32Array((length + 31) >> 5);
    this.#bytes = new Uint8Array(this.#words.buffer);
  }

  /** Reads what `toBytes` wrote. Bits past `length` are ignored, missing bytes count as zeros. */
  static fromBytes(bytes: Uint8Array, length: number): Bitfield {
    const field = new Bitfield(length);
    const usable = Math.min(bytes.length << 3, length);
    for (let index = 0; index < usable; index++) {
      if ((bytes[index >> 3]! & (0x80 >> (index & 7))) !== 0) field.set(index);
    }
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
    return index < this.#length && (this.#bytes[index >> 3]! & (0x80 >> (index & 7))) !== 0;
  }

  /** Sets bit `index`; true when it was not set before. */
  set(index: number): boolean {
    assert(index >= 0 && index < this.#length, "a bit to set lies within the field");
    const mask = 0x80 >> (index & 7);
    if ((this.#bytes[index >> 3]! & mask) !== 0) return false;
    this.#bytes[index >> 3]! |= mask;
    this.#count++;
    return true;
  }

  /** Clears bit `index`; true when it was set before. */
  clear(index: number): boolean {
    if (!this.has(index)) return false;
    this.#bytes[index >> 3]! &= ~(0x80 >> (index & 7));
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
      this.#bytes = new Uint8Array(larger.buffer);
    }
    this.#length = length;
  }

  /** The first index at or after `from` that is not set, or `length` when there is none. */
  firstClear(from = 0): number {
    let index = from;
    while (index < this.#length) {
      if ((index & 7) === 0 && this.#bytes[index >> 3] === 0xff) index += 8;
      else if (this.has(index)) index++;
      else return index;
    }
    return this.#length;
  }

  /** The indices that are set, in order. */
  *indices(): Generator<number> {
    for (let index = 0; index < this.#length; index++) if (this.has(index)) yield index;
  }

  clone(): Bitfield {
    const copy = new Bitfield(this.#length);
    copy.#words.set(this.#words.subarray(0, copy.#words.length));
    copy.#count = this.#count;
    return copy;
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
    return this.#bytes.slice(0, (this.#length + 7) >> 3);
  }
}
