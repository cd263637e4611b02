/**
 * Finds the frames in a stream without keeping their payloads: what a load generator can afford for
 * thousands of connections. The first bytes of a payload tell its kind; few are gathered whole.
 */

import { frameHeaderBytes, readFrameHeader, type FrameHeader } from "#core/protocol/mod.ts";

/** As much of a payload as `{"kind":"...` needs. */
const openingBytes = 20;

export interface FrameScanHandlers {
  /** A frame begins, with its first payload bytes; true to get its payload whole. */
  onFrame(header: FrameHeader, opening: Buffer): boolean;
  onPayload(header: FrameHeader, payload: Buffer): void;
  /** All of it has come. */
  onEnd(header: FrameHeader): void;
}

export class FrameScan {
  readonly #handlers: FrameScanHandlers;
  readonly #head = Buffer.alloc(frameHeaderBytes + openingBytes);
  #headFilled = 0;
  #header: FrameHeader | undefined;
  /** Payload bytes that are still to come. */
  #left = 0;
  #parts: Buffer[] | undefined;

  constructor(handlers: FrameScanHandlers) {
    this.#handlers = handlers;
  }

  push(bytes: Buffer): void {
    for (let offset = 0; offset < bytes.length;) {
      if (this.#header !== undefined) offset += this.#takePayload(bytes, offset);
      else offset += this.#takeHead(bytes, offset);
    }
  }

  #takeHead(bytes: Buffer, offset: number): number {
    const wanted = this.#headFilled < frameHeaderBytes ? frameHeaderBytes : this.#headBytes();
    const taken = Math.min(wanted - this.#headFilled, bytes.length - offset);
    bytes.copy(this.#head, this.#headFilled, offset, offset + taken);
    this.#headFilled += taken;
    if (this.#headFilled < frameHeaderBytes || this.#headFilled < this.#headBytes()) return taken;
    const header = readFrameHeader(this.#head, 0);
    const opening = this.#head.subarray(frameHeaderBytes, this.#headFilled);
    this.#header = header;
    this.#left = header.payloadBytes - opening.length;
    this.#parts = this.#handlers.onFrame(header, opening) ? [Buffer.from(opening)] : undefined;
    if (this.#left === 0) this.#end();
    return taken;
  }

  #headBytes(): number {
    return frameHeaderBytes + Math.min(openingBytes, readFrameHeader(this.#head, 0).payloadBytes);
  }

  #takePayload(bytes: Buffer, offset: number): number {
    const taken = Math.min(this.#left, bytes.length - offset);
    this.#parts?.push(Buffer.from(bytes.subarray(offset, offset + taken)));
    this.#left -= taken;
    if (this.#left === 0) this.#end();
    return taken;
  }

  #end(): void {
    const header = this.#header!;
    this.#header = undefined;
    this.#headFilled = 0;
    if (this.#parts !== undefined) this.#handlers.onPayload(header, Buffer.concat(this.#parts));
    this.#parts = undefined;
    this.#handlers.onEnd(header);
  }
}
