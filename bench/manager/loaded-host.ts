/**
 * One host of the load generator: it speaks the control plane's messages as a daemon would whose
 * download runs at a steady rate, and receives no piece. It notes when it said that it starves and
 * when the parents that answer it came.
 */

import type { Socket } from "node:net";
import { encodeFrame, encodeJsonFrame, frameType, type FrameHeader, type ManagerMessage } from "#core/protocol/mod.ts";
import { FrameScan, type FrameScanHandlers } from "./frame-scan.ts";

const keepAliveMs = 3_000;
const alive = encodeFrame(frameType.message, 0, 0, new Uint8Array(0));
const kindPattern = /^\{"kind":"([a-z]+)/;
/** Small ones are read; of the others it is enough that they came. */
const readKinds = new Set(["welcome", "pace", "head", "failed", "withdrawn"]);

/** What all hosts of one process share. */
export interface HostGround {
  readonly task: string;
  readonly ask: unknown;
  readonly rateBytesPerSecond: number;
  readonly starvingShare: number;
  /** From when the downloads run; a host that joins later begins when it joins. */
  beginMs: number;
  /** Pieces that the manager has listed, as the first host of the process heard them. */
  readonly listed: Set<number>;
  readonly counts: Record<"sent" | "received" | "aliveSent" | "aliveReceived" | "receivedBytes", number>;
  readonly receivedKinds: Map<string, number>;
  onAnswer(saidMs: number, waitedMs: number): void;
  onFailed(reason: string): void;
}

export class LoadedHost implements FrameScanHandlers {
  readonly name: string;
  readonly #ground: HostGround;
  readonly #scan = new FrameScan(this);
  readonly #readsListing: boolean;
  #socket: Socket | undefined;
  #head: { readonly generation: string; readonly pieceBytes: number; readonly lengthBytes: number } | undefined;
  #startedMs = 0;
  #held = 0;
  /** The next place in this host's own order of pieces, and those that were not listed at their turn. */
  #next = 0;
  #put: number[] = [];
  readonly #stride: number;
  #starvingSinceMs: number | undefined;
  #saidMs = 0;
  reportEveryMs = 500;
  whole = false;
  /** Messages heard in the present window. */
  heardInWindow = 0;

  constructor(name: string, number: number, readsListing: boolean, ground: HostGround) {
    this.name = name;
    this.#ground = ground;
    this.#readsListing = readsListing;
    this.#stride = number;
  }

  get joined(): boolean {
    return this.#head !== undefined;
  }

  get unanswered(): boolean {
    return this.#starvingSinceMs !== undefined;
  }

  received(bytes: Buffer): void {
    this.#ground.counts.receivedBytes += bytes.length;
    this.#scan.push(bytes);
  }

  attach(socket: Socket): void {
    this.#socket = socket;
    const host = { id: this.name, name: this.name, site: "", address: "127.0.0.1", port: 65_002 };
    this.#send({ kind: "hello", version: "1.0", host });
  }

  ask(): void {
    this.#send({ kind: "ask", task: this.#ground.task, ask: this.#ground.ask });
  }

  /** What there is to say now, if anything. */
  tick(nowMs: number): void {
    if (this.#head === undefined || this.whole || nowMs < this.#ground.beginMs) return this.#keepAlive(nowMs);
    const { rateBytesPerSecond, starvingShare, beginMs } = this.#ground;
    const pieces = Math.ceil(this.#head.lengthBytes / this.#head.pieceBytes);
    const due = Math.min(
      pieces,
      Math.floor(((nowMs - Math.max(this.#startedMs, beginMs)) * rateBytesPerSecond) / 1000 / this.#head.pieceBytes),
    );
    const news = this.#gain(due - this.#held, pieces);
    this.whole = this.#held === pieces;
    const starving = !this.whole && (this.#starvingSinceMs !== undefined || Math.random() < starvingShare);
    if (news.length === 0 && !starving) return this.#keepAlive(nowMs);
    this.#send({
      kind: "report",
      task: this.#ground.task,
      generation: this.#head.generation,
      news,
      held: this.#held,
      downBytesPerSecond: rateBytesPerSecond,
      upBytesPerSecond: 0,
      starving,
      state: this.whole ? "seeding" : "downloading",
    });
    if (starving) this.#starvingSinceMs ??= performance.now();
  }

  close(): void {
    this.#socket?.removeAllListeners("close");
    this.#socket?.destroy();
  }

  onFrame(header: FrameHeader, opening: Buffer): boolean {
    const { counts, receivedKinds } = this.#ground;
    if (header.payloadBytes === 0) {
      counts.aliveReceived++;
      return false;
    }
    counts.received++;
    this.heardInWindow++;
    const kind = kindPattern.exec(opening.toString("latin1"))?.[1] ?? "unknown";
    receivedKinds.set(kind, (receivedKinds.get(kind) ?? 0) + 1);
    if (kind === "parents" && this.#starvingSinceMs !== undefined) {
      this.#ground.onAnswer(this.#starvingSinceMs, performance.now() - this.#starvingSinceMs);
      this.#starvingSinceMs = undefined;
    }
    return readKinds.has(kind) || (kind === "listed" && this.#readsListing);
  }

  onPayload(_header: FrameHeader, payload: Buffer): void {
    const message = JSON.parse(payload.toString()) as ManagerMessage | { kind: "pace"; reportEveryMs: number };
    if (message.kind === "welcome" || message.kind === "pace") this.reportEveryMs = message.reportEveryMs;
    else if (message.kind === "listed") for (const index of message.indices) this.#ground.listed.add(index);
    else if (message.kind === "head") {
      const { generation, pieceBytes, lengthBytes } = message.head;
      this.#head = { generation, pieceBytes, lengthBytes: lengthBytes ?? 0 };
      this.#startedMs = performance.now();
    } else this.#ground.onFailed(`${this.name} was told: ${payload.toString().slice(0, 300)}`);
  }

  onEnd(): void {}

  /** Up to `count` pieces, in an order of this host's own, among those that exist. */
  #gain(count: number, pieces: number): number[] {
    const { listed } = this.#ground;
    const gained: number[] = [];
    const later: number[] = [];
    while (gained.length < count && (this.#put.length > 0 || this.#next < pieces)) {
      const index = this.#put.pop() ?? this.#pieceAt(this.#next++, pieces);
      (listed.has(index) ? gained : later).push(index);
    }
    this.#put.push(...later);
    this.#held += gained.length;
    return gained;
  }

  /** A different order for each host: steps of an odd length that has no factor in common with the number of pieces. */
  #pieceAt(place: number, pieces: number): number {
    let step = 1 + ((this.#stride * 7919) % Math.max(1, pieces - 1));
    while (greatestCommonDivisor(step, pieces) !== 1) step++;
    return (this.#stride + place * step) % pieces;
  }

  #keepAlive(nowMs: number): void {
    if (nowMs - this.#saidMs < keepAliveMs) return;
    this.#ground.counts.aliveSent++;
    this.#saidMs = nowMs;
    this.#socket?.write(alive);
  }

  #send(message: unknown): void {
    this.#ground.counts.sent++;
    this.#saidMs = performance.now();
    this.#socket?.write(encodeJsonFrame(frameType.message, 0, message));
  }
}

function greatestCommonDivisor(a: number, b: number): number {
  while (b !== 0) [a, b] = [b, a % b];
  return a;
}
