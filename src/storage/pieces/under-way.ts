/**
 * What is under way at a content file: pieces that are written into it, and held ones that go out of it
 * straight to somebody. Another object begins in the file only when both have ended.
 */

import { assert } from "#base/mod.ts";
import { sleep, type Clock } from "#platform/machine/clock.ts";

/** How long an object waits for pieces that go out to somebody who does not read. */
const outgoingMsMax = 2000;

export class UnderWay {
  readonly #clock: Clock | undefined;
  readonly #writes = new Set<Promise<unknown>>();
  readonly #outgoing = new Set<Promise<unknown>>();

  /** A file without a clock lends nothing. */
  constructor(clock: Clock | undefined) {
    this.#clock = clock;
  }

  /** Resolves or throws as `write` does. */
  async write(write: Promise<void>): Promise<void> {
    this.#writes.add(write);
    try {
      await write;
    } finally {
      this.#writes.delete(write);
    }
  }

  goesOut(sending: Promise<unknown>): void {
    assert(this.#clock !== undefined, "a file that pieces go out of has a clock, to wait for them");
    this.#outgoing.add(sending);
    const end = (): unknown => this.#outgoing.delete(sending);
    sending.then(end, end);
  }

  /** Resolves when no write of now is under way any more. */
  async writesEnded(): Promise<void> {
    await Promise.allSettled(this.#writes);
  }

  /** Resolves when what goes out now is out, or after two seconds. */
  async outgoingEnded(): Promise<void> {
    if (this.#clock === undefined || this.#outgoing.size === 0) return;
    const waiting = new AbortController();
    void Promise.allSettled(this.#outgoing).then(() => waiting.abort());
    await sleep(this.#clock, outgoingMsMax, waiting.signal);
  }
}
