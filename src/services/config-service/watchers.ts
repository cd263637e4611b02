/**
 * Who waits for news: requests that stay open until something changes or their time is over. Bounded;
 * beyond the bound nobody waits, and a client that is answered at once paces itself.
 */

import type { Clock } from "#platform/machine/clock.ts";

export class Watchers {
  readonly #clock: Clock;
  readonly #waitersMax: number;
  readonly #wakers = new Set<() => void>();
  #closed = false;

  constructor(clock: Clock, waitersMax: number) {
    this.#clock = clock;
    this.#waitersMax = waitersMax;
  }

  get count(): number {
    return this.#wakers.size;
  }

  /** Resolves with the next `wake`, after `waitMs`, or when `gone` fires; at once when too many wait already. */
  wait(waitMs: number, onGone: (gone: () => void) => void): Promise<void> {
    if (this.#closed || waitMs <= 0 || this.#wakers.size >= this.#waitersMax) return Promise.resolve();
    return new Promise((resolve) => {
      const wake = (): void => {
        timer.cancel();
        this.#wakers.delete(wake);
        resolve();
      };
      const timer = this.#clock.after(waitMs, wake, { background: true });
      this.#wakers.add(wake);
      onGone(wake);
    });
  }

  wake(): void {
    for (const wake of this.#wakers) wake();
  }

  /** Wakes everybody, and nobody waits from now on. */
  close(): void {
    this.#closed = true;
    this.wake();
  }
}
