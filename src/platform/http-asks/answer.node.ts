/**
 * One answer of our own HTTP/1.1 server, read from a socket that ends with it: a head, then a body of
 * a told length, in chunks (RFC 9112, section 7.1), or up to the end.
 *
 * Whatever is no such answer, is cut short or exceeds a bound is thrown as an Error.
 */

import type { Socket } from "node:net";

const headBytesMax = 16 * 1024;
/** A chunk's size in hexadecimal digits, and what nobody uses behind it. */
const sizeLineBytesMax = 256;

export class HttpAnswer {
  readonly status: number;
  readonly #headers: ReadonlyMap<string, string>;
  readonly #bytes: BufferedBytes;

  private constructor(head: string, bytes: BufferedBytes) {
    const [first = "", ...lines] = head.split("\r\n");
    const match = /^HTTP\/1\.1 (\d{3})(?: |$)/.exec(first);
    if (match === null) throw new Error("the answer is no HTTP/1.1");
    this.status = Number(match[1]);
    this.#headers = new Map(
      lines.map((line) => {
        const colon = line.indexOf(":");
        return [line.slice(0, Math.max(0, colon)).toLowerCase(), line.slice(colon + 1).trim()];
      }),
    );
    this.#bytes = bytes;
  }

  /** Resolves when the head is there. */
  static async read(socket: Socket): Promise<HttpAnswer> {
    const bytes = new BufferedBytes(socket);
    return new HttpAnswer((await bytes.until("\r\n\r\n", headBytesMax)).toString("latin1"), bytes);
  }

  async *body(): AsyncGenerator<Uint8Array> {
    const length = this.#headers.get("content-length");
    if (this.#headers.get("transfer-encoding") === "chunked") yield* this.#chunks();
    else if (length !== undefined) yield* this.#bytes.take(sizeOf(length, /^\d{1,15}$/, 10));
    else yield* this.#bytes.rest();
  }

  async *#chunks(): AsyncGenerator<Uint8Array> {
    for (;;) {
      const line = (await this.#bytes.until("\r\n", sizeLineBytesMax)).toString("latin1").split(";", 1)[0]!;
      const size = sizeOf(line.trim(), /^[0-9a-f]{1,12}$/i, 16);
      if (size === 0) return;
      yield* this.#bytes.take(size);
      if ((await this.#bytes.until("\r\n", 2)).length > 0) throw new Error("a chunk is longer than it says");
    }
  }
}

function sizeOf(text: string, form: RegExp, radix: number): number {
  if (!form.test(text)) throw new Error("a length in the answer is no number");
  return Number.parseInt(text, radix);
}

/** The socket's bytes in order, cut where the reader wants. */
class BufferedBytes {
  readonly #incoming: AsyncIterator<Buffer>;
  #here: Buffer = Buffer.alloc(0);

  constructor(socket: Socket) {
    this.#incoming = socket[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
  }

  /** What comes before `mark`, which is dropped; at most `bytesMax` bytes with it. */
  async until(mark: string, bytesMax: number): Promise<Buffer> {
    for (;;) {
      const at = this.#here.indexOf(mark);
      if (at + mark.length > bytesMax || (at < 0 && this.#here.length >= bytesMax))
        throw new Error("a part of the answer is longer than allowed");
      if (at >= 0) {
        const found = this.#here.subarray(0, at);
        this.#here = this.#here.subarray(at + mark.length);
        return found;
      }
      const next = await this.#next();
      if (next === undefined) throw new Error("the answer was cut short");
      this.#here = this.#here.length === 0 ? next : Buffer.concat([this.#here, next]);
    }
  }

  async *take(count: number): AsyncGenerator<Uint8Array> {
    for (let left = count; left > 0;) {
      if (this.#here.length === 0) {
        const next = await this.#next();
        if (next === undefined) throw new Error("the answer was cut short");
        this.#here = next;
      }
      const bytes = this.#here.subarray(0, left);
      this.#here = this.#here.subarray(bytes.length);
      left -= bytes.length;
      yield bytes;
    }
  }

  async *rest(): AsyncGenerator<Uint8Array> {
    for (let next: Buffer | undefined = this.#here; next !== undefined; next = await this.#next())
      if (next.length > 0) yield next;
  }

  async #next(): Promise<Buffer | undefined> {
    const { value, done } = await this.#incoming.next();
    return done === true ? undefined : value;
  }
}
