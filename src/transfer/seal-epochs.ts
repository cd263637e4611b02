/**
 * The secrets of the cluster's epochs, as a manager was told them. They live in memory alone.
 *
 * Invariants:
 *  1. What is sealed anew is sealed under the newest epoch that was ever told: an older list, replayed or
 *     out of a config service's old copy, takes nothing back.
 *  2. Only epochs that the last list named are known.
 */

import type { SealEpoch } from "#core/model/mod.ts";
import { sleep, type Clock } from "#platform/machine/clock.ts";

/** A manager that has just started hears of them within milliseconds, where its config service is there. */
const waitMs = 3_000;

export class SealEpochs {
  readonly #secrets = new Map<number, Uint8Array>();
  readonly #clock: Clock | undefined;
  readonly #told = new AbortController();
  #newest = -Infinity;

  /** `clock` where somebody is going to tell them; else no epoch is ever known. */
  constructor(clock?: Clock) {
    this.#clock = clock;
  }

  /** The number of the epoch that is sealed under; undefined where none is known. */
  get current(): number | undefined {
    return this.#secrets.size === 0 ? undefined : this.#newest;
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

/** For whoever is told of none: a host, or a cluster without a config service. */
export const noSealEpochs: SealEpochs = new SealEpochs();
