/**
 * Who reads a task on this host: what of it is wanted, which version is given, and the wake-ups of
 * those who wait for more of it.
 */

import type { DarnerError } from "#base/mod.ts";
import { Interest, wishMet, type Wish } from "#core/download/mod.ts";
import type { PieceFile } from "#storage/pieces/mod.ts";

export class Readers {
  readonly interest = new Interest();
  readonly #store: PieceFile;
  #waiters: (() => void)[] = [];
  /**
   * Which version readers get: set once it is certain that what is stored belongs to the one that is
   * given now, which an earlier run's pieces need not. Another object for each start from nothing.
   */
  version: object | undefined;
  /** Why there will be no more. */
  failure: DarnerError | undefined;

  constructor(store: PieceFile) {
    this.#store = store;
  }

  /** All that anybody wants is here. */
  get met(): boolean {
    const { clearPieceBytes, clearLengthBytes, have } = this.#store;
    if (this.version === undefined || clearPieceBytes === undefined) return false;
    return this.interest.met((index) => have.has(index), clearPieceBytes, clearLengthBytes);
  }

  holds(wish: Wish): boolean {
    const { clearPieceBytes, clearLengthBytes, have } = this.#store;
    if (this.version === undefined || clearPieceBytes === undefined || clearLengthBytes === undefined) return false;
    return wishMet(wish, (index) => have.has(index), clearPieceBytes, clearLengthBytes);
  }

  /** Whether anything is wanted and not here that is `listed`. */
  lacks(listed: (index: number) => boolean): boolean {
    const { clearPieceBytes, have } = this.#store;
    if (clearPieceBytes === undefined) return false;
    const interest = this.interest.ofPieces(clearPieceBytes);
    for (let index = 0; index < have.length; index++)
      if (!have.has(index) && listed(index) && interest.wants(index)) return true;
    return false;
  }

  /** Resolves when there is something new to look at. */
  news(): Promise<void> {
    return new Promise((resolve) => this.#waiters.push(resolve));
  }

  /** Nobody goes on reading, not even what was whole. */
  cut(failure: DarnerError): void {
    this.version = undefined;
    this.failure ??= failure;
    this.wake();
  }

  wake(): void {
    const waiters = this.#waiters;
    this.#waiters = [];
    for (const wake of waiters) wake();
  }
}
