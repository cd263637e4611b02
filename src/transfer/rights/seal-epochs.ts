/**
 * The secrets of the cluster's epochs, as a manager was told them, and one of its own for while it was told
 * none: with it a key can be made again as long as the process lives. They live in memory alone.
 *
 * Invariants:
 *  1. What is sealed anew is sealed under the newest epoch that was ever told: an older list, replayed or
 *     out of a config service's old copy, takes nothing back.
 *  2. Only its own epoch and those that the last list named are known.
 */

import type { SealEpoch } from "#core/model/mod.ts";
import { sleep, type Clock } from "#platform/machine/clock.ts";

/** A manager that has just started hears of them within milliseconds, where its config service is there. */
const waitMs = 3_000;
/** Below every number that is told: what another process sealed under its own opens with no key from here. */
const ownEpoch = 0;

export interface SealEpochsOptions {
  readonly own: Uint8Array;
  /** Where somebody is going to tell them; else nobody waits for it. */
  readonly clock?: Clock | undefined;
}

export class SealEpochs {
  readonly #secrets = new Map<number, Uint8Array>();
  readonly #clock: Clock | undefined;
  readonly #told = new AbortController();
  readonly #own: Uint8Array;
  #newest = ownEpoch;

  constructor({ own, clock }: SealEpochsOptions) {
    this.#own = own;
    this.#clock = clock;
    this.#secrets.set(ownEpoch, own);
  }

  /** The number of the epoch that is sealed under. */
  get current(): number {
    return this.#newest;
  }

  secretOf(epoch: number): Uint8Array | undefined {
    return this.#secrets.get(epoch);
  }

  /** The present epoch last. False for a list that is older than what is known. */
  take(epochs: readonly SealEpoch[]): boolean {
    const newest = epochs.at(-1)?.number ?? -Infinity;
    if (newest < this.#newest) return false;
    this.#newest = newest;
    this.#secrets.clear();
    this.#secrets.set(ownEpoch, this.#own);
    for (const { number, secret } of epochs) this.#secrets.set(number, Buffer.from(secret, "base64"));
    this.#told.abort();
    return true;
  }

  /** Waits until the first list came, a bounded time. */
  async whenTold(): Promise<void> {
    if (this.#clock === undefined || this.#told.signal.aborted) return;
    await sleep(this.#clock, waitMs, this.#told.signal);
  }
}
