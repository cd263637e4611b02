/**
 * One of a host's limits at work: counts bytes, and lets those who wait go on when the rate allows.
 *
 * Whoever moves bytes charges them as they pass, at most `chunkBytesMax` at once, and goes on only
 * while the limiter is not `blocked`; else it waits. What is read from a socket is charged after the
 * fact, so the reader should ask for one chunk each time it is let go.
 *
 * Invariants:
 *  1. Waiters go on in the order they came, one at a time: the next one only when the one before has
 *     charged (or let its turn pass) and no debt is left. So n waiters do not overshoot n-fold.
 *  2. Nobody waits for ever: each debt is paid in time, and `close` lets everybody go.
 */

import { assert } from "#base/mod.ts";
import { TokenBucket } from "#core/traffic/mod.ts";
import type { Clock, Timer } from "#platform/machine/clock.ts";

/** More waiters than a host has transfers mean that somebody queues without end. */
const waitersMax = 65_536;
/** Who was let go and moved nothing for this long (its peer is slow) no longer holds up the others. */
const turnMs = 2;

type Action = () => void;

export class Limiter {
  readonly #clock: Clock;
  readonly #bucket: TokenBucket;
  /** In the order they came; a Set, so that one can leave from the middle. */
  readonly #waiters = new Set<{ readonly action: Action }>();
  #timer: Timer | undefined;
  /** A waiter was let go and has not charged yet. */
  #turnTaken = false;
  #resuming = false;
  #closed = false;
  #bytesTotal = 0;

  /** `rateBytesPerSecond` may be Infinity: nothing ever waits, bytes are only counted. */
  constructor(clock: Clock, rateBytesPerSecond: number) {
    this.#clock = clock;
    this.#bucket = new TokenBucket(rateBytesPerSecond, clock.nowMs());
  }

  get rateBytesPerSecond(): number {
    return this.#bucket.rateBytesPerSecond;
  }

  /** All that was ever charged. */
  get bytesTotal(): number {
    return this.#bytesTotal;
  }

  /** The longest operation that keeps the limit exact; 1 MiB when there is none. */
  get chunkBytesMax(): number {
    return this.#bucket.chunkBytesMax;
  }

  /** True while more has passed than the rate allows: move nothing, wait. */
  get blocked(): boolean {
    return !this.#closed && this.#bucket.delayMs(this.#clock.nowMs()) > 0;
  }

  /** Counts bytes that pass now. May let the next waiter go before it returns. */
  charge(bytes: number): void {
    this.#bytesTotal += bytes;
    this.#bucket.charge(bytes, this.#clock.nowMs());
    if (!this.#turnTaken) return;
    this.#turnTaken = false;
    this.#resume();
  }

  /** Calls `action` once, later, when this waiter's turn has come; never before it returns. */
  whenReady(action: Action): { cancel(): void } {
    assert(this.#waiters.size < waitersMax, "a limiter's waiters are no more than a host's transfers");
    const waiter = { action };
    this.#waiters.add(waiter);
    if (this.#timer === undefined) this.#schedule();
    return { cancel: () => void this.#waiters.delete(waiter) };
  }

  /** Resolves when this waiter's turn has come. Check `blocked` again before moving bytes. */
  ready(): Promise<void> {
    return new Promise((resolve) => this.whenReady(resolve));
  }

  /** Holds at once, for those who wait already too. */
  setRate(rateBytesPerSecond: number): void {
    this.#bucket.setRate(rateBytesPerSecond, this.#clock.nowMs());
    this.#schedule();
  }

  /** Ends the limit: everybody who waits goes on now, to find out what else has ended. */
  close(): void {
    this.#closed = true;
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#resume();
  }

  /** Wakes up when the debt is paid, or when the one whose turn it is has let it pass. */
  #schedule(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    if (this.#waiters.size === 0) return;
    const delayMs = this.#closed ? 0 : this.#bucket.delayMs(this.#clock.nowMs());
    this.#timer = this.#clock.after(Math.max(Math.ceil(delayMs), this.#turnTaken ? turnMs : 0), () => {
      this.#timer = undefined;
      this.#turnTaken = false;
      this.#resume();
    });
  }

  /** Lets waiters go until one has not charged yet or a debt is left. */
  #resume(): void {
    if (this.#resuming) return;
    this.#resuming = true;
    try {
      // Who waits again in its own turn comes behind the others, in a later round.
      for (let left = this.#waiters.size; left > 0 && !this.#turnTaken && !this.blocked; left--) {
        const [waiter] = this.#waiters;
        if (waiter === undefined) break;
        this.#waiters.delete(waiter);
        this.#turnTaken = !this.#closed && this.rateBytesPerSecond !== Infinity;
        waiter.action();
      }
    } finally {
      this.#resuming = false;
      this.#schedule();
    }
  }
}
