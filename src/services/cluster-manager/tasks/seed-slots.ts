/** Gives the manager's seed as many slots as its line can fill, learned once a second. */

import { seedSlots, type Swarm } from "#core/swarm/mod.ts";
import type { Clock, Timer } from "#platform/machine/clock.ts";
import type { Uploads } from "#transfer/mod.ts";

const everyMs = 1_000;
/** What is left after each second of the fastest second so far. */
const memoryShare = 0.98;

export class SeedSlots {
  readonly #clock: Clock;
  readonly #uploads: Uploads;
  readonly #swarms: () => Iterable<Swarm>;
  #slotsMin: number;
  #timer: Timer | undefined;
  #sentBytes = 0;
  #sentMs: number;
  #fastestBytesPerSecond = 0;

  constructor(clock: Clock, uploads: Uploads, swarms: () => Iterable<Swarm>, slotsMin: number) {
    this.#clock = clock;
    this.#uploads = uploads;
    this.#swarms = swarms;
    this.#slotsMin = slotsMin;
    this.#sentMs = clock.nowMs();
    this.#learn();
  }

  setMin(slotsMin: number): void {
    this.#slotsMin = slotsMin;
    this.#uploads.setSlots(slotsMin);
  }

  stop(): void {
    this.#timer?.cancel();
  }

  #learn(): void {
    this.#timer = this.#clock.after(
      everyMs,
      () => {
        this.#uploads.setSlots(seedSlots(this.#fastest(), this.#hostBytesPerSecond(), this.#slotsMin));
        this.#learn();
      },
      { background: true },
    );
  }

  #fastest(): number {
    const nowMs = this.#clock.nowMs();
    const sentBytes = this.#uploads.bytesTotal;
    const rate = ((sentBytes - this.#sentBytes) * 1000) / Math.max(1, nowMs - this.#sentMs);
    this.#sentBytes = sentBytes;
    this.#sentMs = nowMs;
    this.#fastestBytesPerSecond = Math.max(rate, this.#fastestBytesPerSecond * memoryShare);
    return this.#fastestBytesPerSecond;
  }

  /** Of the swarm whose hosts are slowest: they need the most slots. */
  #hostBytesPerSecond(): number {
    let slowest = 0;
    for (const swarm of this.#swarms()) {
      const rate = swarm.hostBytesPerSecond;
      if (rate > 0 && (slowest === 0 || rate < slowest)) slowest = rate;
    }
    return slowest;
  }
}
