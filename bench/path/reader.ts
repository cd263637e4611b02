/**
 * Takes an object over and over through many connections and throws it away: from nginx by ranges, from
 * a daemon by pieces. Started by the rows, which it tells how many bytes came in which time.
 */

import { connect } from "node:net";
import { decodeIndices, encodeFrame, encodeIndices, encodeJsonFrame, frameType } from "#core/protocol/mod.ts";
import { FrameScan } from "../manager/frame-scan.ts";
import { upgraded } from "../manager/upgraded.ts";

export interface ReaderOrders {
  readonly from: "nginx" | "daemon";
  readonly port: number;
  readonly connections: number;
  /** All connections together. */
  readonly bytes: number;
  readonly sizeBytes: number;
  readonly pieceBytes: number;
  readonly path?: string;
  readonly task?: string;
  readonly generation?: string;
}

const orders = JSON.parse(process.argv[2]!) as ReaderOrders;
const channel = 1;
const wantsMax = 4;
let askedBytes = 0;
let receivedBytes = 0;

/**
 * Whole pieces of the object in turn, each connection from a place of its own; undefined when enough was
 * asked for. What `stands` is passed over: a daemon sends first what it sent least, so that a want may
 * stand while a whole turn goes by, and asked for twice it comes once.
 */
function turnOf(number: number, stands: (index: number) => boolean): () => number | undefined {
  const pieces = Math.max(1, Math.floor(orders.sizeBytes / orders.pieceBytes));
  let next = Math.floor((number * pieces) / orders.connections);
  return () => {
    if (askedBytes >= orders.bytes) return undefined;
    askedBytes += orders.pieceBytes;
    do next = (next + 1) % pieces;
    while (stands(next));
    return next;
  };
}

function came(bytes: number): void {
  receivedBytes += bytes;
  if (receivedBytes < orders.bytes) return;
  process.send!({ bytes: receivedBytes, seconds: (performance.now() - startedMs) / 1000 });
  process.exit(0);
}

async function fromDaemon(number: number): Promise<void> {
  const standing = new Set<number>();
  const take = turnOf(number, (index) => standing.has(index));
  // An object of few pieces is asked for one piece less than it has: one must be left to pass on to.
  const wantsHere = Math.min(wantsMax, Math.floor(orders.sizeBytes / orders.pieceBytes) - 1);
  const scan = new FrameScan({
    onFrame: (header) => header.type === frameType.cancelled || header.type === frameType.closed,
    onPayload(header, payload) {
      if (header.type === frameType.closed) throw new Error(`the daemon refuses: ${payload.toString()}`);
      for (const index of decodeIndices(payload)) if (standing.delete(index)) askedBytes -= orders.pieceBytes;
      setTimeout(want, 10);
    },
    onEnd(header) {
      if (header.type !== frameType.piece) return;
      standing.delete(header.argument);
      came(header.payloadBytes);
      want();
    },
  });
  const headers = { "Darner-Host": `reader-${number}` };
  const target = { port: orders.port, path: "/pieces", headers, localAddress: "127.0.0.1" };
  const socket = await upgraded(target, (bytes) => scan.push(bytes));
  const want = (): void => {
    const indices: number[] = [];
    for (let index: number | undefined; standing.size < wantsHere && (index = take()) !== undefined;) {
      standing.add(index);
      indices.push(index);
    }
    if (indices.length > 0) socket.write(encodeFrame(frameType.want, channel, 0, encodeIndices(indices)));
  };
  socket.write(encodeJsonFrame(frameType.open, channel, { task: orders.task, generation: orders.generation }));
  want();
}

const readBuffer = Buffer.allocUnsafeSlow(1024 * 1024);

function fromNginx(number: number): void {
  const take = turnOf(number, () => false);
  let left = 0;
  const socket = connect({
    host: "127.0.0.1",
    port: orders.port,
    onread: {
      buffer: readBuffer,
      callback(count, buffer) {
        let body = count;
        if (left === 0) {
          // An answer's head comes in one read with what follows it.
          const head = (buffer as Buffer).indexOf("\r\n\r\n");
          left = orders.pieceBytes;
          body = count - head - 4;
        }
        left -= body;
        came(body);
        if (left === 0) ask();
        return true;
      },
    },
  });
  const ask = (): void => {
    const index = take();
    if (index === undefined) return;
    const start = index * orders.pieceBytes;
    socket.write(
      `GET ${orders.path} HTTP/1.1\r\nHost: x\r\nRange: bytes=${start}-${start + orders.pieceBytes - 1}\r\n\r\n`,
    );
  };
  ask();
}

const startedMs = performance.now();
for (let number = 0; number < orders.connections; number++) {
  if (orders.from === "nginx") fromNginx(number);
  else void fromDaemon(number);
}
process.on("disconnect", () => process.exit(0));
