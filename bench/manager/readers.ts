/**
 * The manager's children on the piece plane: a few connections that together take pieces at the wanted
 * rate and throw them away. Started by main.ts, which it tells how many bytes came.
 */

import { decodeIndices, encodeFrame, encodeIndices, encodeJsonFrame, frameType } from "#core/protocol/mod.ts";
import type { Socket } from "node:net";
import { FrameScan } from "./frame-scan.ts";
import { upgraded } from "./upgraded.ts";

export interface ReaderOrders {
  readonly port: number;
  readonly task: string;
  readonly generation: string;
  readonly pieces: number;
  readonly pieceBytes: number;
  readonly connections: number;
  readonly rateBytesPerSecond: number;
}

const orders = JSON.parse(process.argv[2]!) as ReaderOrders;
/** Wants that stand with the manager on one connection. */
const wantsMax = 8;
const channel = 1;
const startedMs = performance.now();
let wantedBytes = 0;
let receivedBytes = 0;

class Reader {
  readonly #scan: FrameScan;
  #socket: Socket | undefined;
  #wants = 0;
  #next: number;

  constructor(number: number) {
    this.#next = Math.floor((number * orders.pieces) / orders.connections);
    this.#scan = new FrameScan({
      onFrame: (header) => header.type === frameType.cancelled || header.type === frameType.closed,
      onPayload: (header, payload) => {
        if (header.type === frameType.closed) throw new Error(`the manager refuses to seed: ${payload.toString()}`);
        this.#wants -= decodeIndices(payload).length;
      },
      onEnd: (header) => {
        if (header.type !== frameType.piece) return;
        this.#wants--;
        receivedBytes += header.payloadBytes;
      },
    });
  }

  async connect(number: number): Promise<void> {
    const headers = { "Darner-Host": `reader-${number}` };
    const target = { port: orders.port, path: "/pieces", headers, localAddress: "127.0.2.1" };
    this.#socket = await upgraded(target, (bytes) => this.#scan.push(bytes));
    this.#socket.write(encodeJsonFrame(frameType.open, channel, { task: orders.task, generation: orders.generation }));
  }

  /** Wants as much as the rate allows by now. */
  want(allowedBytes: number): void {
    const indices: number[] = [];
    while (this.#wants < wantsMax && wantedBytes < allowedBytes) {
      this.#wants++;
      wantedBytes += orders.pieceBytes;
      indices.push(this.#next);
      this.#next = (this.#next + 1) % orders.pieces;
    }
    if (indices.length > 0) this.#socket?.write(encodeFrame(frameType.want, channel, 0, encodeIndices(indices)));
  }
}

const readers = Array.from({ length: orders.connections }, (_, number) => new Reader(number));
await Promise.all(readers.map((reader, number) => reader.connect(number)));
let turn = 0;
setInterval(() => {
  const allowed = ((performance.now() - startedMs) * orders.rateBytesPerSecond) / 1000;
  // What could not be had in time is not made up for: the rate is a rate.
  wantedBytes = Math.max(wantedBytes, allowed - orders.rateBytesPerSecond / 10);
  for (let count = 0; count < readers.length; count++) readers[turn++ % readers.length]!.want(allowed);
}, 5);
setInterval(() => process.send!(receivedBytes), 250);
process.on("disconnect", () => process.exit(0));
