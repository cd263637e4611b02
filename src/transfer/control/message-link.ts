/**
 * The control plane's connection: JSON messages of one frame each, both ways.
 *
 * Messages of one turn of the loop leave in one system call. A side that hears nothing for
 * `silenceMsMax` takes the other for dead; an empty message keeps a quiet link alive. A message that
 * many links send is encoded once.
 */

import { decodeJson, encodeFrame, encodeJsonFrame, FrameReader, frameType } from "#core/protocol/mod.ts";
import type { Clock, Timer } from "#platform/machine/clock.ts";
import type { Connection } from "#platform/sockets/connection.ts";

/** A link that said nothing for this long says that it lives. */
const keepAliveMs = 3_000;
const silenceMsMax = 8_000;
/** What came while this side itself had no time is read within this. */
const doubtMs = 500;
/** A peer that lets this much queue up does not read: the link is ended. */
const queuedBytesMax = 4 * 1024 * 1024;
const alive = encodeFrame(frameType.message, 0, 0, new Uint8Array(0));

/** Messages that go to many, with their frames once these are made. */
const frames = new WeakMap<object, Uint8Array | null>();

/** Says that a message goes to many: it is encoded once, whichever links send it, and must not change. */
export function sameForAll<Message extends object>(message: Message): Message {
  if (!frames.has(message)) frames.set(message, null);
  return message;
}

function encode(message: object): Uint8Array {
  const known = frames.get(message);
  if (known !== undefined && known !== null) return known;
  const frame = encodeJsonFrame(frameType.message, 0, message);
  if (known === null) frames.set(message, frame);
  return frame;
}

export class MessageLink<Incoming, Outgoing extends object> {
  readonly #clock: Clock;
  readonly #read: (value: unknown) => Incoming | "unknown" | "malformed";
  readonly #onMessage: (message: Incoming) => void;
  readonly #reader = new FrameReader();
  #connection: Connection | undefined;
  #heardMs: number;
  #saidMs: number;
  #timer: Timer | undefined;
  #doubted = false;

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
    this.#saidMs = this.#heardMs;
  }

  attach(connection: Connection): void {
    this.#connection = connection;
    this.#heardMs = this.#clock.nowMs();
    this.#watch();
  }

  get open(): boolean {
    return this.#connection !== undefined && !this.#connection.closed;
  }

  /** The network's, not the program's; undefined where nobody can tell. */
  get roundTripMs(): number | undefined {
    return this.#connection?.roundTripMs;
  }

  get remote(): string {
    return this.#connection?.remote ?? "nobody";
  }

  send(message: Outgoing): void {
    if (this.#connection === undefined) return;
    if (this.#connection.queuedBytes > queuedBytesMax) return this.close();
    this.#saidMs = this.#clock.nowMs();
    this.#connection.send(encode(message));
  }

  received(bytes: Uint8Array): void {
    this.#heardMs = this.#clock.nowMs();
    const received = this.#reader.push(bytes);
    if (received === "oversized") return this.close();
    for (const frame of received) {
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

  /** Looks after the link when it may have been quiet for long enough. */
  #watch(): void {
    const quietMs = this.#clock.nowMs() - this.#saidMs;
    const delayMs = this.#doubted ? doubtMs : Math.max(1, keepAliveMs - quietMs);
    this.#timer = this.#clock.after(delayMs, () => this.#check(), { background: true });
  }

  #check(): void {
    const nowMs = this.#clock.nowMs();
    const silent = nowMs - this.#heardMs > silenceMsMax;
    if (silent && this.#doubted) return this.close();
    this.#doubted = silent;
    if (nowMs - this.#saidMs >= keepAliveMs) {
      this.#connection?.send(alive);
      this.#saidMs = nowMs;
    }
    this.#watch();
  }
}
