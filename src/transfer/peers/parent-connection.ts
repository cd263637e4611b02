/**
 * The child's end of a piece-plane connection: one kept connection to one parent, shared by all tasks
 * that both have, each on a channel of its own.
 *
 * A piece's bytes are received where they will be hashed and stored from; only what arrives in the
 * same read as a head (at most `sideBytes`) is copied once.
 */

import { Bitfield } from "#base/mod.ts";
import { pieceBytesMax } from "#core/model/mod.ts";
import {
  decodeIndices,
  encodeFrame,
  encodeIndices,
  encodeJsonFrame,
  frameHeaderBytes,
  framePayloadBytesMax,
  frameType,
  readFrameHeader,
  type FrameHeader,
  type OpenRequest,
} from "#core/protocol/mod.ts";
import type { Clock } from "#platform/machine/clock.ts";
import type { Connection, ReadSink } from "#platform/sockets/connection.ts";
import { ReadMark } from "#platform/sockets/read-mark.ts";
import type { Limiter } from "../limits/mod.ts";

const sideBytes = 4 * 1024;
const readBytesMax = 1024 * 1024;
/** What a task hears of its parent. */
export interface ChannelHandlers {
  onOpened(pieces: Bitfield): void;
  onHave(indices: readonly number[]): void;
  /** A piece begins: where to put it, or undefined to break the connection (wrong index or length). */
  onPieceStart(index: number, lengthBytes: number): Uint8Array | undefined;
  onPieceBytes(count: number): void;
  /** The buffer given at its start is full. */
  onPiece(index: number, bytes: Uint8Array): void;
  onCancelled(indices: readonly number[]): void;
  /** The channel or its connection is over. */
  onClosed(reason: string): void;
}

/** The frames of one parent, cut out of the stream; pieces go straight to their buffers. */
export class ParentConnection implements ReadSink {
  readonly #channels = new Map<number, ChannelHandlers>();
  readonly #limiter: Limiter;
  readonly #clock: Clock;
  readonly #side = new Uint8Array(sideBytes);
  #sideFilled = 0;
  /** The payload under way that is read into a buffer of its own. */
  #body: { header: FrameHeader; bytes: Uint8Array; filled: number } | undefined;
  #connection: Connection | undefined;
  #nextChannel = 1;
  readonly #mark = new ReadMark();
  /** Limits that hold this connection back now. */
  #pauses = 0;
  /** When the last channel closed; undefined while one is open. */
  idleSinceMs: number | undefined;

  constructor(limiter: Limiter, clock: Clock) {
    this.#limiter = limiter;
    this.#clock = clock;
  }

  attach(connection: Connection): void {
    this.#connection = connection;
  }

  get channels(): number {
    return this.#channels.size;
  }

  get closed(): boolean {
    return this.#connection?.closed ?? false;
  }

  prove(publicKey: string, signature: string): void {
    this.#connection?.send(encodeJsonFrame(frameType.prove, 0, { publicKey, signature }));
  }

  /** Opens a channel for a task; `onOpened` or `onClosed` follows. */
  open(request: OpenRequest, handlers: ChannelHandlers): number {
    const channel = this.#nextChannel++;
    this.#channels.set(channel, handlers);
    this.idleSinceMs = undefined;
    this.#connection?.send(encodeJsonFrame(frameType.open, channel, request));
    return channel;
  }

  want(channel: number, indices: readonly number[], held: number): void {
    this.#connection?.send(encodeFrame(frameType.want, channel, held, encodeIndices(indices)));
  }

  cancel(channel: number, indices: readonly number[]): void {
    this.#connection?.send(encodeFrame(frameType.cancel, channel, 0, encodeIndices(indices)));
  }

  /** Leaves a channel; a piece that is still coming on it is read and forgotten. */
  leave(channel: number, nowMs: number): void {
    if (!this.#channels.delete(channel)) return;
    this.#connection?.send(encodeFrame(frameType.close, channel, 0, new Uint8Array(0)));
    if (this.#channels.size === 0) this.idleSinceMs = nowMs;
  }

  close(): void {
    this.#connection?.close();
  }

  /** The connection is over: every channel hears it. */
  ended(reason: string): void {
    const channels = [...this.#channels.values()];
    this.#channels.clear();
    this.#body = undefined;
    for (const handlers of channels) handlers.onClosed(reason);
  }

  nextBuffer(): Uint8Array {
    if (this.#body === undefined) return this.#side.subarray(this.#sideFilled);
    const { bytes, filled } = this.#body;
    return bytes.subarray(filled, Math.min(bytes.length, filled + Math.min(readBytesMax, this.#limiter.chunkBytesMax)));
  }

  lowWaterBytes(): number {
    if (this.#body === undefined) return 1;
    return Math.min(this.#mark.bytes, this.#body.bytes.length - this.#body.filled, this.#limiter.chunkBytesMax);
  }

  filled(count: number): void {
    this.#limiter.charge(count);
    if (this.#body === undefined) {
      this.#sideFilled += count;
      this.#mark.began(this.#clock.nowMs());
      this.#readSide();
    } else {
      this.#mark.came(count, this.#clock.nowMs());
      this.#body.filled += count;
      if (this.#body.header.type === frameType.piece)
        this.#channels.get(this.#body.header.channel)?.onPieceBytes(count);
      this.#endBodyWhenFull();
    }
    this.#pauseWhile(this.#limiter);
  }

  /** Counts bytes against another limit too, and reads on only when it allows. */
  pauseFor(limiter: Limiter, bytes: number): void {
    if (limiter.rateBytesPerSecond === Infinity) return;
    limiter.charge(bytes);
    this.#pauseWhile(limiter);
  }

  #pauseWhile(limiter: Limiter): void {
    if (!limiter.blocked) return;
    this.#pauses++;
    this.#connection?.pause();
    limiter.whenReady(() => {
      if (--this.#pauses === 0) this.#connection?.resume();
    });
  }

  #readSide(): void {
    let offset = 0;
    while (this.#body === undefined && this.#sideFilled - offset >= frameHeaderBytes) {
      const header = readFrameHeader(this.#side, offset);
      const bodyStart = offset + frameHeaderBytes;
      const here = Math.min(header.payloadBytes, this.#sideFilled - bodyStart);
      if (header.type !== frameType.piece && here === header.payloadBytes) {
        this.#handle(header, this.#side.subarray(bodyStart, bodyStart + here));
      } else if (!this.#beginBody(header, this.#side.subarray(bodyStart, bodyStart + here))) {
        this.#sideFilled = 0;
        this.#connection?.close();
        return;
      }
      offset = bodyStart + here;
    }
    this.#side.copyWithin(0, offset, this.#sideFilled);
    this.#sideFilled -= offset;
  }

  /** Gives the payload a buffer of its own and moves in what is already here. */
  #beginBody(header: FrameHeader, here: Uint8Array): boolean {
    let bytes: Uint8Array | undefined;
    const handlers = this.#channels.get(header.channel);
    if (header.type === frameType.piece && handlers !== undefined) {
      bytes = handlers.onPieceStart(header.argument, header.payloadBytes);
    } else if (header.type === frameType.piece && header.payloadBytes <= pieceBytesMax) {
      // The task was left while this piece was on its way: read it and forget it.
      bytes = new Uint8Array(header.payloadBytes);
    } else if (header.payloadBytes <= framePayloadBytesMax) {
      bytes = new Uint8Array(header.payloadBytes);
    }
    if (bytes?.length !== header.payloadBytes || bytes.length === 0) return false;
    bytes.set(here);
    this.#body = { header, bytes, filled: here.length };
    if (header.type === frameType.piece) this.#channels.get(header.channel)?.onPieceBytes(here.length);
    this.#endBodyWhenFull();
    return true;
  }

  #endBodyWhenFull(): void {
    const body = this.#body;
    if (body === undefined || body.filled < body.bytes.length) return;
    this.#body = undefined;
    const handlers = this.#channels.get(body.header.channel);
    if (body.header.type === frameType.piece) handlers?.onPiece(body.header.argument, body.bytes);
    else this.#handle(body.header, body.bytes);
  }

  #handle(header: FrameHeader, payload: Uint8Array): void {
    const handlers = this.#channels.get(header.channel);
    if (handlers === undefined) return;
    switch (header.type) {
      case frameType.opened:
        return handlers.onOpened(Bitfield.fromBytes(payload, Math.min(header.argument, payload.length * 8)));
      case frameType.have:
        return handlers.onHave(decodeIndices(payload));
      case frameType.cancelled:
        return handlers.onCancelled(decodeIndices(payload));
      case frameType.closed:
        this.#channels.delete(header.channel);
        return handlers.onClosed("the parent closed the task");
      default:
      // A type of a newer minor version: skipped.
    }
  }
}
