/**
 * A rate limit as a bucket of byte credit. It fills at the rate up to a small burst; an operation is
 * charged in full when it happens and may leave a debt, and the next one waits until that is paid.
 *
 * Invariant: let every operation be at most `chunkBytesMax` and start only when `delayMs` is 0. Then
 * no window of one second sees more than 1.05 times the rate. Credit at the window's start is at most
 * the burst, what flows in is the rate, and what is owed at its end is at most one chunk: so burst and
 * chunk together are 4.5 % of the rate, which leaves 0.5 % for clocks that tick in milliseconds.
 */

import { assert } from "#base/mod.ts";

const burstAndChunkShare = 0.045;
/** 20 ms of the rate: small against the window, large against the cost of an operation. */
const chunkShare = 0.02;
/** A low rate gets larger chunks for its size, up to a page of memory, and a burst of 10 ms only. */
const chunkShareMax = 0.035;
const pageBytes = 4096;
const chunkBytesCeiling = 1024 * 1024;

export class TokenBucket {
  #rate: number;
  /** Bytes that may pass now; negative when in debt. */
  #credit: number;
  #filledAtMs: number;

  /** `rateBytesPerSecond` may be Infinity: no limit. `nowMs` is of a clock that never goes back. */
  constructor(rateBytesPerSecond: number, nowMs: number) {
    assert(rateBytesPerSecond > 0, "a rate is more than nothing");
    this.#rate = rateBytesPerSecond;
    this.#filledAtMs = nowMs;
    this.#credit = this.#burstBytes;
  }

  get rateBytesPerSecond(): number {
    return this.#rate;
  }

  /** The longest operation that keeps the bound; 1 MiB when there is no limit. */
  get chunkBytesMax(): number {
    const pageAtMost = Math.min(pageBytes, this.#rate * chunkShareMax);
    return Math.max(1, Math.floor(Math.min(chunkBytesCeiling, Math.max(this.#rate * chunkShare, pageAtMost))));
  }

  /** Counts `bytes` that pass now; goes into debt where the credit does not cover them. */
  charge(bytes: number, nowMs: number): void {
    assert(bytes >= 0, "what passes is no less than nothing");
    if (this.#rate === Infinity) return;
    this.#fill(nowMs);
    this.#credit -= bytes;
  }

  /** How long until the debt is paid; 0 when there is none. */
  delayMs(nowMs: number): number {
    if (this.#rate === Infinity) return 0;
    this.#fill(nowMs);
    return this.#credit >= 0 ? 0 : (-this.#credit / this.#rate) * 1000;
  }

  /** From now on. A debt keeps its length in time, so that no one waits out an old rate's bytes at a new rate. */
  setRate(rateBytesPerSecond: number, nowMs: number): void {
    assert(rateBytesPerSecond > 0, "a rate is more than nothing");
    const debtMs = this.delayMs(nowMs);
    this.#rate = rateBytesPerSecond;
    this.#filledAtMs = nowMs;
    if (rateBytesPerSecond === Infinity) this.#credit = 0;
    else if (debtMs > 0) this.#credit = (-debtMs * rateBytesPerSecond) / 1000;
  }

  get #burstBytes(): number {
    return this.#rate === Infinity ? 0 : Math.max(0, this.#rate * burstAndChunkShare - this.chunkBytesMax);
  }

  #fill(nowMs: number): void {
    const elapsedMs = Math.max(0, nowMs - this.#filledAtMs);
    this.#filledAtMs += elapsedMs;
    this.#credit = Math.min(this.#burstBytes, this.#credit + (elapsedMs * this.#rate) / 1000);
  }
}
