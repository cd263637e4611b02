/**
 * The parent's end of a piece-plane connection: reads what a child asks and tells it what there is.
 * Sending pieces is the business of Uploads; this file is about frames.
 */

import {
  decodeIndices,
  decodeJson,
  encodeFrame,
  encodeIndices,
  encodeJsonFrame,
  FrameReader,
  frameHeaderBytes,
  frameType,
  writeFrameHeader,
  type Frame,
  type OpenRequest,
  type ProofOfKey,
} from "#core/protocol/mod.ts";
import type { Bitfield } from "#base/mod.ts";
import type { Connection } from "#platform/sockets/connection.ts";

/** A child may have this many tasks open on one connection. */
const channelsMax = 1024;

export interface ChildHandlers {
  onProve(child: ChildConnection, proof: ProofOfKey): void;
  onOpen(child: ChildConnection, channel: number, request: OpenRequest): void;
  onWant(child: ChildConnection, channel: number, indices: readonly number[], held: number): void;
  onCancel(child: ChildConnection, channel: number, indices: readonly number[]): void;
  onClose(child: ChildConnection, channel: number): void;
}

export class ChildConnection {
  readonly connection: Connection;
  /** Who the child says it is; believed only once `proven`. */
  readonly host: string;
  readonly nonce: string;
  proven = false;
  /** Tasks that were not given to it. */
  refusals = 0;
  readonly channels = new Set<number>();
  /** The piece that is on its way on this connection; never rejects. */
  sending: Promise<void> | undefined;
  readonly #reader = new FrameReader();
  readonly #handlers: ChildHandlers;

  constructor(connection: Connection, host: string, nonce: string, handlers: ChildHandlers) {
    this.connection = connection;
    this.host = host;
    this.nonce = nonce;
    this.#handlers = handlers;
  }

  received(bytes: Uint8Array): void {
    const frames = this.#reader.push(bytes);
    if (frames === "oversized") return this.connection.close();
    for (const frame of frames) this.#handle(frame);
  }

  opened(channel: number, pieces: Bitfield): void {
    this.connection.send(encodeFrame(frameType.opened, channel, pieces.length, pieces.toBytes()));
  }

  have(channel: number, indices: readonly number[]): void {
    this.connection.send(encodeFrame(frameType.have, channel, 0, encodeIndices(indices)));
  }

  cancelled(channel: number, indices: readonly number[]): void {
    if (indices.length > 0) this.connection.send(encodeFrame(frameType.cancelled, channel, 0, encodeIndices(indices)));
  }

  closeChannel(channel: number, reason: string): void {
    this.channels.delete(channel);
    this.connection.send(encodeJsonFrame(frameType.closed, channel, { reason }));
  }

  /** The head of a PIECE frame. */
  static pieceHead(channel: number, index: number, lengthBytes: number): Uint8Array {
    const head = new Uint8Array(frameHeaderBytes);
    writeFrameHeader(head, 0, { type: frameType.piece, channel, argument: index, payloadBytes: lengthBytes });
    return head;
  }

  #handle(frame: Frame): void {
    switch (frame.type) {
      case frameType.prove: {
        const proof = decodeJson(frame.payload) as Partial<ProofOfKey> | undefined;
        if (typeof proof?.publicKey !== "string" || typeof proof.signature !== "string") return this.connection.close();
        return this.#handlers.onProve(this, { publicKey: proof.publicKey, signature: proof.signature });
      }
      case frameType.open: {
        const request = decodeJson(frame.payload) as Partial<OpenRequest> | undefined;
        const known = typeof request?.task === "string" && typeof request.generation === "string";
        if (!known || this.channels.size >= channelsMax) return this.connection.close();
        return this.#handlers.onOpen(this, frame.channel, request as OpenRequest);
      }
      case frameType.want:
        return this.#handlers.onWant(this, frame.channel, decodeIndices(frame.payload), frame.argument);
      case frameType.cancel:
        return this.#handlers.onCancel(this, frame.channel, decodeIndices(frame.payload));
      case frameType.close:
        return this.#handlers.onClose(this, frame.channel);
      default:
      // A type of a newer minor version: skipped.
    }
  }
}
