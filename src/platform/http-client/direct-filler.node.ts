/**
 * Fills buffers with a long body of a told length on a plain connection: the kernel writes its bytes
 * where the reader wants them, past node:http and its chunks. SO_RCVLOWAT keeps the process asleep
 * until a read is worth while.
 *
 * What comes while no buffer is given lands in a small one, and then no more is read. The connection is
 * not used again: node:http never sees the end of this message, nor does anybody look behind it.
 */

import type { IncomingMessage } from "node:http";
import { assert, bytesJoin } from "#base/mod.ts";
import type { Flow } from "./client.ts";
import { absentNative, type Native } from "../native/calls.ts";
import { ReadMark } from "../sockets/read-mark.ts";
import { isRouted, takeRoute, type Taker } from "./routed-socket.node.ts";

/** Below this a connection that can be used again is worth more. */
const directBytesMin = 512 * 1024;
const sideBytes = 64 * 1024;
const readBytesMax = 1024 * 1024;
/** Before silence is believed, what lies below the mark is let through. */
const lastWordsMs = 100;

interface Filling {
  readonly into: Uint8Array;
  readonly flow: Flow;
  filled: number;
  resolve(count: number): void;
  reject(error: unknown): void;
}

export interface DirectBody {
  readonly idleTimeoutMs: number;
  readonly loadNative: () => Promise<Native>;
  came(count: number): void;
  /** Nothing came for too long: the message is to be cut. */
  silent(): void;
  /** Why the message ended early. */
  explained(error: unknown): Error;
}

export function goesDirect(message: IncomingMessage): boolean {
  const told = Number(message.headers["content-length"]);
  return told >= directBytesMin && message.headers["transfer-encoding"] === undefined && isRouted(message.socket);
}

/** What node:http has read already; one call gives one chunk of it. */
function bufferedIn(message: IncomingMessage): Buffer[] {
  const chunks: Buffer[] = [];
  for (let chunk: Buffer | null; (chunk = message.read() as Buffer | null) !== null;) chunks.push(chunk);
  return chunks;
}

export class DirectFiller implements Taker {
  readonly #message: IncomingMessage;
  readonly #body: DirectBody;
  readonly #fillings: Filling[] = [];
  readonly #mark = new ReadMark();
  #side = Buffer.allocUnsafeSlow(sideBytes);
  /** What came and has no place yet. */
  #early: Uint8Array;
  /** Bytes of the body that have not been read. */
  #leftBytes: number;
  #native: Native = absentNative;
  #markSet = 1;
  /** The part of the front filling that the kernel was given last; undefined: what comes lies elsewhere. */
  #given: Uint8Array | undefined;
  /** The flow lets nothing through now. */
  #held = false;
  #error: unknown;
  #timer: NodeJS.Timeout | undefined;
  #heardMs = performance.now();

  constructor(message: IncomingMessage, body: DirectBody) {
    this.#message = message;
    this.#body = body;
    takeRoute(message.socket, this);
    // Reading starts the socket anew; it is to wait for a buffer.
    this.#early = bytesJoin(bufferedIn(message));
    message.socket.pause();
    this.#leftBytes = Number(message.headers["content-length"]) - this.#early.length;
    body.came(this.#early.length);
    message.on("error", (error) => (this.#error ??= error));
    message.once("close", () => this.#ended());
    void body.loadNative().then((native) => (this.#native = native));
  }

  readInto(into: Uint8Array, flow: Flow): Promise<number> {
    assert(into.length > 0, "a buffer to fill holds at least a byte");
    return new Promise((resolve, reject) => {
      this.#fillings.push({ into, flow, filled: 0, resolve, reject });
      if (this.#fillings.length === 1) this.#go();
    });
  }

  nextBuffer(): Uint8Array {
    const filling = this.#fillings[0];
    this.#given = undefined;
    if (this.#early.length > 0) {
      // What is there goes first; its place is not to be written over.
      this.#side = Buffer.allocUnsafeSlow(sideBytes);
      return this.#side;
    }
    if (filling === undefined || this.#leftBytes === 0) return this.#side;
    const { into, filled, flow } = filling;
    const room = Math.min(into.length - filled, readBytesMax, flow.stepBytesMax, this.#leftBytes);
    return (this.#given = into.subarray(filled, filled + room));
  }

  filled(bytes: Uint8Array): boolean {
    const nowMs = performance.now();
    this.#heardMs = nowMs;
    this.#mark.came(bytes.length, nowMs);
    const own = Math.min(bytes.length, this.#leftBytes);
    this.#leftBytes -= own;
    this.#body.came(own);
    if (this.#given === undefined) {
      assert(this.#early.length === 0, "what came before has its place before more is read");
      this.#early = bytes.subarray(0, own);
      this.#takeEarly();
    } else this.#took(own);
    this.#settleWhenOver();
    this.#fitMark();
    return this.#fillings.length > 0 && !this.#held && this.#leftBytes > 0;
  }

  /** The front filling got so many bytes. */
  #took(count: number): void {
    const filling = this.#fillings[0]!;
    filling.filled += count;
    const wait = filling.flow.passed(count);
    if (wait !== undefined) this.#hold(wait);
    if (filling.filled < filling.into.length) return;
    this.#fillings.shift();
    filling.resolve(filling.filled);
  }

  #hold(wait: Promise<void>): void {
    this.#held = true;
    void wait.then(() => {
      this.#held = false;
      this.#heardMs = performance.now();
      this.#go();
    });
  }

  #takeEarly(): void {
    while (this.#early.length > 0 && this.#fillings.length > 0 && !this.#held) {
      const { into, filled, flow } = this.#fillings[0]!;
      const step = this.#early.subarray(0, Math.min(into.length - filled, flow.stepBytesMax));
      into.set(step, filled);
      this.#early = this.#early.subarray(step.length);
      this.#took(step.length);
    }
  }

  /** There is a filling, or the flow goes on: takes what is here, then reads. */
  #go(): void {
    this.#takeEarly();
    this.#settleWhenOver();
    if (this.#fillings.length === 0 || this.#held) return;
    if (this.#timer === undefined) {
      this.#heardMs = performance.now();
      this.#watch(this.#body.idleTimeoutMs);
    }
    this.#message.socket?.resume();
  }

  /** All has come, or no more will: who waits hears it. */
  #settleWhenOver(): void {
    if (this.#early.length > 0) return;
    if (this.#leftBytes === 0) {
      clearTimeout(this.#timer);
      for (const filling of this.#fillings.splice(0)) filling.resolve(filling.filled);
      this.#message.destroy();
    } else if (this.#message.destroyed) {
      const error = this.#body.explained(this.#error ?? { code: "ECONNRESET" });
      for (const filling of this.#fillings.splice(0)) filling.reject(error);
    }
  }

  #ended(): void {
    clearTimeout(this.#timer);
    this.#settleWhenOver();
  }

  /** Never more than what is still to come: the system would wait for ever. */
  #fitMark(wanted: number = this.#mark.bytes): void {
    const mark = Math.max(1, Math.min(wanted, this.#leftBytes));
    if (mark === this.#markSet || this.#leftBytes === 0) return;
    this.#markSet = mark;
    this.#native.setReceiveLowWater(this.#message.socket, mark);
  }

  /** Looks whether a reader has waited too long, not at every read. */
  #watch(inMs: number): void {
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      if (this.#fillings.length === 0 || this.#held) return;
      const quietMs = performance.now() - this.#heardMs;
      const { idleTimeoutMs } = this.#body;
      if (quietMs < idleTimeoutMs) return this.#watch(idleTimeoutMs - quietMs);
      if (this.#markSet === 1) return this.#body.silent();
      this.#fitMark(1);
      this.#watch(lastWordsMs);
    }, inMs);
  }
}
