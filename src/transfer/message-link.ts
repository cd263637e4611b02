/**
 * The control plane's connection: JSON messages of one frame each, both ways.
 *
 * Messages of one turn of the loop leave in one system call. A side that hears nothing for
 * `silenceMsMax` takes the other for dead; an empty message keeps a quiet link alive.
 */

import { decodeJson, encodeFrame, encodeJsonFrame, FrameReader, frameType } from "#core/protocol/mod.ts";
import type { Clock, Timer } from "#platform/clock.ts";
import type { Connection } from "#platform/connection.ts";

const keepAliveMs = 2_000;
const silenceMsMax = 8_000;
/** A peer that lets this much queue up does not read: the link is ended. */
const queuedBytesMax = 16 * 1024 * 1024;

export class MessageLink<Incoming, Outgoing> {
  readonly #clock: Clock;
  readonly #read: (value: unknown) => Incoming | "unknown" | "malformed";
  readonly #onMessage: (message: Incoming) => void;
  readonly #reader = new FrameReader();
  #connection: Connection | undefined;
  #heardMs: number;
  #timer: Timer | undefined;

  /** `read` lets in only what is a message; "unknown" is skipped, "malformed" ends the link. */
  constructor(
    clock: Clock,
    read: (value: unknown) => Incoming | "unknown" | "malformed",
    onMessage: (message: Incoming) => void,
  ) {
    this.#clock = clock;
    this.#read = read;
    this.#onMessage = onMessage;
    this.#heardMs = clock.nowMs();
  }

  attach(connection: Connection): void {
    this.#connection = connection;
    this.#heardMs = this.#clock.nowMs();
    this.#watch();
  }

  get open(): boolean {
    return this.#connection !== undefined && !this.#connection.closed;
  }

  get remote(): string {
    return this.#connection?.remote ?? "nobody";
  }

  send(message: Outgoing): void {
    if (this.#connection === undefined) return;
    if (this.#connection.queuedBytes > queuedBytesMax) return this.close();
    this.#connection.send(encodeJsonFrame(frameType.message, 0, message));
  }

  received(bytes: Uint8Array): void {
    this.#heardMs = this.#clock.nowMs();
    const frames = this.#reader.push(bytes);
    if (frames === "oversized") return this.close();
    for (const frame of frames) {
      if (frame.type !== frameType.message || frame.payloadBytes === 0) continue;
      const message = this.#read(decodeJson(frame.payload));
      if (message === "malformed") return this.close();
      if (message !== "unknown") this.#onMessage(message);
    }
  }

  ended(): void {
    this.#timer?.cancel();
  }

  close(): void {
    this.#timer?.cancel();
    this.#connection?.close();
  }

  #watch(): void {
    this.#timer = this.#clock.after(
      keepAliveMs,
      () => {
        if (this.#clock.nowMs() - this.#heardMs > silenceMsMax) return this.close();
        this.#connection?.send(encodeFrame(frameType.message, 0, 0, new Uint8Array(0)));
        this.#watch();
      },
      { background: true },
    );
  }
}
