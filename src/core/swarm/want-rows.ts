/**
 * What all children of one parent want, in one row of numbers: whoever chooses among them looks at all
 * of it for each piece that is sent, so it lies together, with how often each piece was sent beside it.
 *
 * Each child has a row: how many wants wait, whether it is in another site, then for each want the piece
 * and its count, the oldest first. All rows are equally long; they grow together, up to `wantsMax`.
 */

import { assert } from "#base/mod.ts";

/** A child that asks for more than this is told no: its own window is far smaller. */
export const wantsMax = 127;
const headNumbers = 2;
const rowNumbers = { first: 8, max: headNumbers + 2 * wantsMax } as const;

/** A want that would be sent next; `sent` is how often it was, and must be less to be better. */
interface BestWant {
  index: number;
  sent: number;
}

/** Which wants may be chosen: of children here, of those in other sites. */
interface Choice {
  readonly near: boolean;
  readonly across: boolean;
  /** Whether a piece that was sent before, here or across, may not be sent there again now. */
  readonly isHeld: (index: number, across: boolean) => boolean;
}

export class WantRows {
  #numbers = new Int32Array(0);
  #rowNumbers: number = rowNumbers.first;
  #rows = 0;
  readonly #free: number[] = [];

  /** A row for one child more. */
  take(across: boolean): number {
    const row = this.#free.pop() ?? this.#rows++;
    if (this.#rows * this.#rowNumbers > this.#numbers.length) this.#resize(Math.max(4, row * 2), this.#rowNumbers);
    this.#numbers[row * this.#rowNumbers] = 0;
    this.#numbers[row * this.#rowNumbers + 1] = Number(across);
    return row;
  }

  free(row: number): void {
    this.#numbers[row * this.#rowNumbers] = 0;
    this.#free.push(row);
  }

  #resize(rows: number, numbersEach: number): void {
    const old = this.#numbers;
    this.#numbers = new Int32Array(rows * numbersEach);
    for (let row = 0; row < this.#rows && row * this.#rowNumbers < old.length; row++) {
      const start = row * this.#rowNumbers;
      this.#numbers.set(old.subarray(start, start + this.#rowNumbers), row * numbersEach);
    }
    this.#rowNumbers = numbersEach;
  }

  /** Wants that wait. */
  count(row: number): number {
    return this.#numbers[row * this.#rowNumbers]!;
  }

  has(row: number, index: number): boolean {
    return this.#find(row, index) >= 0;
  }

  /** Where the want begins; -1 when there is none. */
  #find(row: number, index: number): number {
    const start = row * this.#rowNumbers + headNumbers;
    const end = start + 2 * this.count(row);
    for (let at = start; at < end; at += 2) if (this.#numbers[at] === index) return at;
    return -1;
  }

  /** The piece, which was sent so often, is wanted behind all others of the child. */
  add(row: number, index: number, sent: number): void {
    const count = this.count(row);
    assert(count < wantsMax, "a child's wants are bounded");
    if (headNumbers + 2 * count + 2 > this.#rowNumbers)
      this.#resize(this.#numbers.length / this.#rowNumbers, Math.min(this.#rowNumbers * 2, rowNumbers.max));
    const start = row * this.#rowNumbers;
    this.#numbers[start] = count + 1;
    this.#numbers[start + headNumbers + 2 * count] = index;
    this.#numbers[start + headNumbers + 2 * count + 1] = sent;
  }

  /** Takes the want back; false when there is none. */
  drop(row: number, index: number): boolean {
    const at = this.#find(row, index);
    if (at < 0) return false;
    const start = row * this.#rowNumbers;
    const end = start + headNumbers + 2 * this.count(row);
    this.#numbers.copyWithin(at, at + 2, end);
    this.#numbers[start]!--;
    return true;
  }

  /** The piece was sent so often now, near by or across. */
  recount(index: number, sent: number, across: boolean): void {
    const numbers = this.#numbers;
    for (let row = 0; row < this.#rows; row++) {
      const start = row * this.#rowNumbers;
      if (numbers[start] === 0 || (numbers[start + 1] === 1) !== across) continue;
      const at = this.#find(row, index);
      if (at >= 0) numbers[at + 1] = sent;
    }
  }

  /**
   * Of these rows, in their order, the first want that was sent least, and less often than `best` says.
   * Returns its row's place in `rows` and tells `best`; -1 when there is none.
   */
  choose(rows: readonly number[], { near, across, isHeld }: Choice, best: BestWant): number {
    const numbers = this.#numbers;
    let turn = -1;
    for (let at = 0; at < rows.length && best.sent > 0; at++) {
      const start = rows[at]! * this.#rowNumbers;
      const crosses = numbers[start + 1] === 1;
      if (!(crosses ? across : near)) continue;
      const end = start + headNumbers + 2 * numbers[start]!;
      for (let want = start + headNumbers; want < end; want += 2) {
        if (numbers[want + 1]! >= best.sent) continue;
        if (numbers[want + 1]! > 0 && isHeld(numbers[want]!, crosses)) continue;
        best.sent = numbers[want + 1]!;
        best.index = numbers[want]!;
        turn = at;
      }
    }
    return turn;
  }
}
