/** Fills buffers, in the order they are given, from chunks that come as they like. */

import type { Flow } from "./client.ts";

export class ChunkFiller {
  readonly #chunks: AsyncIterator<Uint8Array>;
  #rest: Uint8Array = new Uint8Array(0);
  #last: Promise<number> = Promise.resolve(0);

  constructor(chunks: AsyncIterable<Uint8Array>) {
    this.#chunks = chunks[Symbol.asyncIterator]();
  }

  /** As `HttpBody.readInto`. */
  readInto(into: Uint8Array, flow: Flow): Promise<number> {
    this.#last = this.#last.then(() => this.#readInto(into, flow));
    return this.#last;
  }

  async #readInto(into: Uint8Array, flow: Flow): Promise<number> {
    let filled = 0;
    while (filled < into.length) {
      if (this.#rest.length === 0) {
        const next = await this.#chunks.next();
        if (next.done === true) break;
        this.#rest = next.value;
      }
      const step = this.#rest.subarray(0, Math.min(into.length - filled, flow.stepBytesMax));
      into.set(step, filled);
      filled += step.length;
      this.#rest = this.#rest.subarray(step.length);
      await flow.passed(step.length);
    }
    return filled;
  }
}
