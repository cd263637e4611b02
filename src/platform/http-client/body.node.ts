/**
 * An answer's body on `node:http`. The stream's own buffer is the only one, so that a reader who
 * waits pauses the socket; the idle timer runs only while the reader is the one waiting.
 *
 * Node says "aborted" for every early end. What came first decides: an error on the connection is
 * `network.broken`, a quiet end before the announced length is `origin.body-short`.
 */

import type { IncomingMessage } from "node:http";
import { assert, DarnerError } from "#base/mod.ts";
import { ChunkFiller } from "./chunk-filler.ts";
import { DirectFiller, goesDirect } from "./direct-filler.node.ts";
import type { Flow, HttpBody } from "./client.ts";
import type { Native } from "../native/calls.ts";
import { networkError } from "../sockets/network-error.ts";
import { patience } from "../machine/patience.node.ts";

/** A rest up to here is cheaper to read than a new connection. */
const drainBytesMax = 64 * 1024;

export class NodeHttpBody implements HttpBody {
  readonly #message: IncomingMessage;
  readonly #idleTimeoutMs: number;
  readonly #announcedBytes: number | undefined;
  #receivedBytes = 0;
  readonly #name: string;
  #trouble: Error | undefined;
  #taken = false;
  #filler: Pick<HttpBody, "readInto"> | undefined;
  readonly #loadNative: () => Promise<Native>;

  /** `bodiless`: the answer to a HEAD announces a body that does not come. */
  constructor(
    message: IncomingMessage,
    name: string,
    options: { readonly idleTimeoutMs: number; readonly loadNative: () => Promise<Native> },
    bodiless = false,
  ) {
    this.#message = message;
    this.#name = name;
    this.#loadNative = options.loadNative;
    this.#idleTimeoutMs = options.idleTimeoutMs;
    const announced = bodiless ? "0" : message.headers["content-length"];
    this.#announcedBytes = announced === undefined ? undefined : Number(announced);
    // A body closed or failed before anybody reads it must not end the process.
    message.on("error", () => {});
  }

  /** The connection's own error; the first one counts. */
  fail(error: Error): void {
    this.#trouble ??= error;
  }

  /** Ends the connection; the reader meets `reason`. */
  cut(reason: DarnerError): void {
    this.fail(reason);
    this.#message.destroy(reason);
  }

  close(): void {
    this.#taken = true;
    if (this.#message.complete) return void this.#message.destroy();
    this.cut(new DarnerError("interrupted", `stopped reading ${this.#name}: the reader closed it`));
  }

  drain(): void {
    if (this.#announcedBytes === undefined || this.#announcedBytes > drainBytesMax) return this.close();
    this.#taken = true;
    const waiting = patience(this.#idleTimeoutMs, () => this.#message.destroy());
    this.#message.once("close", () => waiting.end());
    this.#message.resume();
  }

  readInto(into: Uint8Array, flow: Flow): Promise<number> {
    this.#filler ??= goesDirect(this.#message) ? this.#direct() : new ChunkFiller(this);
    return this.#filler.readInto(into, flow);
  }

  #direct(): DirectFiller {
    assert(!this.#taken, "a body is read once, and not after it was closed");
    this.#taken = true;
    return new DirectFiller(this.#message, {
      idleTimeoutMs: this.#idleTimeoutMs,
      loadNative: this.#loadNative,
      came: (count) => (this.#receivedBytes += count),
      silent: () => this.#cutForSilence(),
      explained: (error) => this.#explained(error),
    });
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array> {
    assert(!this.#taken, "a body is read once, and not after it was closed");
    this.#taken = true;
    const chunks = this.#message[Symbol.asyncIterator]();
    try {
      for (;;) {
        const next = await this.#timed(chunks.next());
        if (next.done === true) break;
        const chunk = next.value as Uint8Array;
        this.#receivedBytes += chunk.length;
        yield chunk;
      }
    } catch (error) {
      throw this.#explained(error);
    } finally {
      this.#message.destroy();
    }
    if (this.#trouble !== undefined && this.#spoilsWhole(this.#trouble)) throw this.#explained(this.#trouble);
  }

  /** A connection that breaks behind the last byte took nothing; bytes behind the last one are a lie. */
  #spoilsWhole(trouble: Error): boolean {
    return trouble instanceof DarnerError || isParseError(trouble);
  }

  async #timed<T>(wait: Promise<T>): Promise<T> {
    const waiting = patience(this.#idleTimeoutMs, () => this.#cutForSilence());
    try {
      return await wait;
    } finally {
      waiting.end();
    }
  }

  #cutForSilence(): void {
    const says = `no byte within ${this.#idleTimeoutMs} ms, after ${this.#receivedBytes}; try again`;
    this.cut(new DarnerError("network.timeout", `cannot read ${this.#name}: ${says}`, { retry: "now" }));
  }

  #explained(error: unknown): DarnerError {
    const trouble = this.#trouble ?? error;
    if (trouble instanceof DarnerError) return trouble;
    if (isParseError(trouble)) return this.#misread(trouble);
    if (this.#trouble === undefined && this.#announcedBytes !== undefined) {
      const says = `the connection ended after ${this.#receivedBytes} of ${this.#announcedBytes} bytes; try again`;
      return new DarnerError("origin.body-short", `cannot read ${this.#name}: ${says}`, { retry: "now", cause: error });
    }
    return networkError(trouble, `read ${this.#name} after ${this.#receivedBytes} bytes`);
  }

  /** Bytes behind a body that is already whole are read as the next head, and are none. */
  #misread(cause: ParseError): DarnerError {
    if (this.#receivedBytes === this.#announcedBytes) {
      const says = `more came than the ${this.#announcedBytes} bytes announced; the server should tell the right length`;
      return new DarnerError("origin.body-long", `cannot read ${this.#name}: ${says}`, { cause });
    }
    const says = `the body is not valid HTTP (${cause.code}) after ${this.#receivedBytes} bytes; the server should be repaired`;
    return new DarnerError("origin.protocol", `cannot read ${this.#name}: ${says}`, {
      retry: { afterMs: 1000 },
      cause,
    });
  }
}

interface ParseError {
  readonly code: `HPE_${string}`;
}

function isParseError(error: unknown): error is ParseError {
  return ((error as NodeJS.ErrnoException).code ?? "").startsWith("HPE_");
}
