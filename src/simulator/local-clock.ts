/**
 * The clock of one process: it never goes back, as a monotonic clock does not, but no two agree. It began
 * with its process, may run too fast or too slow, and be ahead of a sudden (a machine that slept).
 */

import type { Agenda } from "./agenda.ts";

export class LocalClock {
  readonly #agenda: Agenda;
  #sinceMs = 0;
  #readMs = 0;
  #rate = 1;

  constructor(agenda: Agenda) {
    this.#agenda = agenda;
  }

  get nowMs(): number {
    return this.#readMs + (this.#agenda.nowMs - this.#sinceMs) * this.#rate;
  }

  /** It is ahead by so much at once, and runs at `rate` from now on. */
  skew(aheadMs: number, rate: number): void {
    this.#readMs = this.nowMs + aheadMs;
    this.#sinceMs = this.#agenda.nowMs;
    this.#rate = rate;
  }

  /** Its process starts again. */
  restart(): void {
    this.#readMs = 0;
    this.#sinceMs = this.#agenda.nowMs;
  }
}
