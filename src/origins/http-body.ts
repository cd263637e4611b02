/** A body that counts: it ends well only after as many bytes as the answer's head told. */

import { DarnerError } from "#base/mod.ts";
import type { HttpBody } from "#platform/http-client/client.ts";
import type { Extent } from "./http-range.ts";
import type { OriginBody } from "./origin.ts";

/** `name` is what messages call the object. */
export function countedBody(body: HttpBody, extent: Extent, name: string): OriginBody {
  const counter = new Counter(extent, name);
  return {
    close: () => body.close(),
    async readInto(into, flow) {
      const count = await body.readInto(into, flow);
      counter.came(count);
      if (count < into.length) counter.ended();
      return count;
    },
    async *[Symbol.asyncIterator]() {
      for await (const chunk of body) {
        counter.came(chunk.length);
        yield chunk;
      }
      counter.ended();
    },
  };
}

class Counter {
  readonly #extent: Extent;
  readonly #name: string;
  #receivedBytes = 0;

  constructor(extent: Extent, name: string) {
    this.#extent = extent;
    this.#name = name;
  }

  /** Throws `origin.body-long`. */
  came(count: number): void {
    const { bodyBytes } = this.#extent;
    this.#receivedBytes += count;
    if (bodyBytes === undefined || this.#receivedBytes <= bodyBytes) return;
    const says = `more came than the ${bodyBytes} bytes announced; the server should tell the right length`;
    throw new DarnerError("origin.body-long", `cannot read ${this.#name}: ${says}`);
  }

  /** Throws `origin.body-short`. */
  ended(): void {
    const { bodyBytes, wantedBytes } = this.#extent;
    const dueBytes = wantedBytes ?? bodyBytes;
    if (dueBytes === undefined || this.#receivedBytes >= dueBytes) return;
    const says = `the body ended after ${this.#receivedBytes} of ${dueBytes} bytes; ask for the rest`;
    throw new DarnerError("origin.body-short", `cannot read ${this.#name}: ${says}`, { retry: "now" });
  }
}
