/**
 * The numbers of many things alike, a row for each, in one array. As fields of objects they would lie each in a
 * box of its own, since V8 keeps no fraction within an object; a row is one place of the memory, and what looks at
 * thousands of things by turns does little else than wait for places that it has not seen for long.
 */

const rowsAtFirst = 8;

export class Rows {
  readonly #rowNumbers: number;
  #used = 0;
  readonly #free: number[] = [];
  /** All rows; another array when there are more. */
  numbers: Float64Array;

  constructor(rowNumbers: number) {
    this.#rowNumbers = rowNumbers;
    this.numbers = new Float64Array(rowNumbers * rowsAtFirst);
  }

  /** Where a row of zeros begins. */
  take(): number {
    const used = this.#free.pop();
    if (used !== undefined) {
      this.numbers.fill(0, used, used + this.#rowNumbers);
      return used;
    }
    const row = this.#used;
    this.#used += this.#rowNumbers;
    if (this.#used > this.numbers.length) {
      const larger = new Float64Array(2 * this.numbers.length);
      larger.set(this.numbers);
      this.numbers = larger;
    }
    return row;
  }

  free(row: number): void {
    this.#free.push(row);
  }
}
