/**
 * Cuts a stream of bytes into whole frames, for connections whose payloads are small (the control
 * plane, and what children send to parents). It keeps at most one frame beyond what was pushed.
 */

import { bytesJoin } from "#base/mod.ts";
import { frameHeaderBytes, framePayloadBytesMax, readFrameHeader, type FrameHeader } from "./frame.ts";

export interface Frame extends FrameHeader {
  /** A view of the bytes pushed: copy it to keep it. */
  readonly payload: Uint8Array;
}

export class FrameReader {
  #rest: Uint8Array = new Uint8Array(0);
  #parts: Uint8Array[] = [];
  #partsBytes = 0;
  #neededBytes = frameHeaderBytes;

  /** The frames that are whole now, or "oversized" when a payload breaks the limit. */
  push(bytes: Uint8Array): Frame[] | "oversized" {
    this.#parts.push(bytes);
    this.#partsBytes += bytes.length;
    if (this.#rest.length + this.#partsBytes < this.#neededBytes) return [];
    const data = this.#rest.length === 0 && this.#parts.length === 1 ? bytes : bytesJoin([this.#rest, ...this.#parts]);
    this.#parts = [];
    this.#partsBytes = 0;
    const frames: Frame[] = [];
    let offset = 0;
    this.#neededBytes = frameHeaderBytes;
    while (data.length - offset >= frameHeaderBytes) {
      const header = readFrameHeader(data, offset);
      if (header.payloadBytes > framePayloadBytesMax) return "oversized";
      const end = offset + frameHeaderBytes + header.payloadBytes;
      if (end > data.length) {
        this.#neededBytes = end - offset;
        break;
      }
      frames.push({ ...header, payload: data.subarray(offset + frameHeaderBytes, end) });
      offset = end;
    }
    this.#rest = data.slice(offset);
    return frames;
  }
}
