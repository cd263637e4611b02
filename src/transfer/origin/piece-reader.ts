/**
 * Cuts a body into pieces: each is received where it is hashed and stored from. While one piece is
 * worked on, buffers for the next ones stand with the body, so that the connection never waits for us.
 */

import { assert } from "#base/mod.ts";
import type { OriginBody } from "#origins/mod.ts";
import type { Flow } from "#platform/http-client/client.ts";

const skipBytes = 64 * 1024;
/** One is written, one comes, one waits its turn; where pieces are long, two are memory enough. */
const buffersOf = (pieceBytes: number): number => (pieceBytes > 4 * 1024 * 1024 ? 2 : 3);

export interface PieceReaderOptions {
  readonly body: OriginBody;
  /** Where the body begins in the object: at a piece's start, or before the object. */
  readonly start: number;
  readonly pieceBytes: number;
  /** Undefined when nobody knows it: then the body's end tells. */
  readonly lengthBytes: number | undefined;
  /** The piece after the last one wanted; may move down while bytes come. */
  readonly end: () => number;
  readonly flow: Flow;
}

export interface ReadPiece {
  readonly index: number;
  /** Valid until it is given back. */
  readonly bytes: Uint8Array;
}

export class PieceReader {
  readonly #options: PieceReaderOptions;
  readonly #spare: Uint8Array[] = [];
  #buffers = 0;
  readonly #coming: {
    readonly index: number;
    readonly due: number;
    readonly into: Uint8Array;
    count: Promise<number>;
  }[] = [];
  #nextIndex: number;
  /** The body ended before the last piece wanted was whole. */
  ended = false;
  /** Behind the last byte that came. */
  position: number;

  constructor(options: PieceReaderOptions) {
    this.#options = options;
    this.position = options.start;
    const first = Math.max(0, options.start) / options.pieceBytes;
    assert(Number.isInteger(first), "a body begins where a piece does");
    this.#nextIndex = first;
  }

  /** Undefined when no more is wanted or the body ended; an object of unknown length may end with a short piece. */
  async next(): Promise<ReadPiece | undefined> {
    if (this.position < 0) await this.#skip();
    if (this.ended) return undefined;
    this.#ask();
    const coming = this.#coming.shift();
    if (coming === undefined || coming.index >= this.#options.end()) return undefined;
    const { index, due, into } = coming;
    const count = await coming.count;
    this.position = index * this.#options.pieceBytes + count;
    if (count < due) this.ended = true;
    const isPiece = count === due || (this.#options.lengthBytes === undefined && count > 0);
    return isPiece ? { index, bytes: into.subarray(0, count) } : undefined;
  }

  /** The bytes of a piece are no longer needed. */
  giveBack(bytes: Uint8Array): void {
    this.#spare.push(new Uint8Array(bytes.buffer as ArrayBuffer));
    if (!this.ended) this.#ask();
  }

  /** Reads to the end of the body, so that it is heard when there is more or less than announced. */
  async assertEnd(): Promise<void> {
    await this.#options.body.readInto(new Uint8Array(1), this.#options.flow);
  }

  /** Lets as many pieces stand with the body as there are buffers. */
  #ask(): void {
    const { body, pieceBytes, lengthBytes, end, flow } = this.#options;
    while (this.#nextIndex < end()) {
      const due = Math.min(pieceBytes, (lengthBytes ?? Infinity) - this.#nextIndex * pieceBytes);
      const into = this.#spare.pop() ?? this.#newBuffer(due);
      if (into === undefined || due <= 0) return;
      const count = body.readInto(into.subarray(0, due), flow);
      // Whoever takes the piece hears it.
      count.catch(() => undefined);
      this.#coming.push({ index: this.#nextIndex++, due, into, count });
    }
  }

  #newBuffer(due: number): Uint8Array | undefined {
    const { pieceBytes, lengthBytes } = this.#options;
    if (this.#buffers === buffersOf(pieceBytes) || due <= 0) return undefined;
    this.#buffers++;
    return new Uint8Array(Math.min(pieceBytes, lengthBytes ?? pieceBytes));
  }

  async #skip(): Promise<void> {
    const { body, flow } = this.#options;
    while (this.position < 0 && !this.ended) {
      const into = new Uint8Array(Math.min(skipBytes, -this.position));
      const count = await body.readInto(into, flow);
      this.position += count;
      this.ended = count < into.length;
    }
  }
}
