/**
 * While an origin fills a piece, hosts hear nothing of it; a long piece of a slow origin would look to
 * them like a cluster that gives no more. So they are told now and then that its bytes still come, or
 * that it owes an answer, and a host that hears nothing at all for five seconds may believe it.
 *
 * Invariant: nothing is told without bytes, or an answer waited for, since it was told last.
 */

import type { Clock, Timer } from "#platform/machine/clock.ts";

/** Three such notes fit into a host's patience. */
const noteEveryMs = 1500;
/** An origin that takes longer to answer is as silent as one that stopped. */
const answerMsMax = 30_000;

export class Filling {
  readonly #clock: Clock;
  readonly #tell: () => void;
  #timer: Timer | undefined;
  /** Since when an answer is waited for. */
  #askedMs: number | undefined;
  #cameBytes = false;
  #cameWhole = false;

  /** `tell`: the origin is at work. */
  constructor(clock: Clock, tell: () => void) {
    this.#clock = clock;
    this.#tell = tell;
  }

  /** The origin was asked, or will be in a moment. */
  asked(): void {
    this.#askedMs = this.#clock.nowMs();
    this.#watch();
  }

  /** From the origin, or on their way from another manager. */
  bytesCame(): void {
    this.#askedMs = undefined;
    this.#cameBytes = true;
    this.#watch();
  }

  /** Another manager, whose origin it is, says so: the hosts here hear it at once. */
  passOn(): void {
    this.#tell();
  }

  /** The hosts hear of a piece anyway. */
  pieceCame(): void {
    this.#cameWhole = true;
  }

  stop(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  /** As long as something happens. */
  #watch(): void {
    this.#timer ??= this.#clock.after(noteEveryMs, () => {
      this.#timer = undefined;
      const waits = this.#askedMs !== undefined && this.#clock.nowMs() - this.#askedMs < answerMsMax;
      const happens = this.#cameBytes || waits;
      if (happens && !this.#cameWhole) this.#tell();
      this.#cameBytes = this.#cameWhole = false;
      if (happens) this.#watch();
    });
  }
}
