/**
 * A clock that stands still until it is told to move. Timers fire in the order of their times, those
 * of one time in the order they were set, and each sees its own time on the clock.
 */

import { assert } from "#base/mod.ts";
import type { Clock, Timer } from "./clock.ts";

interface SimTimer {
  readonly atMs: number;
  readonly action: () => void;
  live: boolean;
}

export class SimClock implements Clock {
  #nowMs = 0;
  #wallAheadMs: number;
  /** By time, the next one last; cancelled ones stay until their time comes. */
  readonly #timers: SimTimer[] = [];

  /** Both clocks start here: the monotonic one at 0, the wall's at `wallMs`. */
  constructor(wallMs: number = 1_767_225_600_000) {
    this.#wallAheadMs = wallMs;
  }

  nowMs(): number {
    return this.#nowMs;
  }

  wallMs(): number {
    return this.#wallAheadMs + this.#nowMs;
  }

  /** An operator sets the wall's clock; timers do not care. */
  setWallMs(wallMs: number): void {
    this.#wallAheadMs = wallMs - this.#nowMs;
  }

  after(delayMs: number, action: () => void): Timer {
    const timer: SimTimer = { atMs: this.#nowMs + Math.max(0, delayMs), action, live: true };
    let low = 0;
    let high = this.#timers.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#timers[middle]!.atMs > timer.atMs) low = middle + 1;
      else high = middle;
    }
    this.#timers.splice(low, 0, timer);
    return { cancel: () => void (timer.live = false) };
  }

  /** How many timers are set and not cancelled. */
  get pending(): number {
    return this.#timers.filter((timer) => timer.live).length;
  }

  /** Moves time on by `ms`, firing what falls due. Promises settle only after the caller yields: see `settle`. */
  advance(ms: number): void {
    const untilMs = this.#nowMs + ms;
    while (this.#fireNext(untilMs)) continue;
    this.#nowMs = untilMs;
  }

  /** Like `advance`, and lets everything that waits on promises go on between any two timers. */
  async settle(ms: number): Promise<void> {
    const untilMs = this.#nowMs + ms;
    do await new Promise((resolve) => setImmediate(resolve));
    while (this.#fireNext(untilMs));
    this.#nowMs = untilMs;
  }

  /** Fires the next timer that is due by `untilMs`; false when there is none. */
  #fireNext(untilMs: number): boolean {
    const timer = this.#timers.at(-1);
    if (timer === undefined || timer.atMs > untilMs) return false;
    this.#timers.pop();
    assert(timer.atMs >= this.#nowMs, "simulated time never goes back");
    this.#nowMs = timer.atMs;
    if (!timer.live) return true;
    timer.live = false;
    timer.action();
    return true;
  }
}
