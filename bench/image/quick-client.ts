/**
 * A client that costs little beside the server that it measures: one request made beforehand, written
 * again on each kept connection as soon as its answer is whole. An answer's length is read from its head.
 */

import assert from "node:assert/strict";
import { once } from "node:events";
import { connect, type Socket } from "node:net";

const headEnd = Buffer.from("\r\n\r\n");

export interface QuickAsk {
  readonly url: string;
  readonly method?: "GET" | "HEAD";
  readonly headers?: Readonly<Record<string, string>>;
}

function requestOf({ url, method = "GET", headers = {} }: QuickAsk): Buffer {
  const { host, pathname, search } = new URL(url);
  const fields = Object.entries({ host, ...headers }).map(([name, value]) => `${name}: ${value}\r\n`);
  return Buffer.from(`${method} ${pathname}${search} HTTP/1.1\r\n${fields.join("")}\r\n`);
}

/** Answers a second over so many connections for so long; every answer must be a 200. */
export async function answersASecond(ask: QuickAsk, connections: number, seconds: number): Promise<number> {
  const request = requestOf(ask);
  const { hostname, port } = new URL(ask.url);
  let answers = 0;
  let over = false;
  const sockets = await Promise.all(
    Array.from({ length: connections }, async () => {
      const socket = connect({ host: hostname, port: Number(port), noDelay: true });
      await once(socket, "connect");
      return socket;
    }),
  );
  const failed = Promise.all(
    sockets.map(async (socket) => {
      const [error] = (await once(socket, "close").catch((error: unknown) => [error])) as [unknown];
      assert.ok(over, `a connection ended: ${String(error)}`);
    }),
  );
  for (const socket of sockets) {
    onAnswers(socket, ask.method === "HEAD", () => {
      answers++;
      if (!over) socket.write(request);
    });
    socket.write(request);
  }
  const startedMs = performance.now();
  await Promise.race([failed, new Promise((resolve) => setTimeout(resolve, seconds * 1000))]);
  over = true;
  const rate = answers / ((performance.now() - startedMs) / 1000);
  for (const socket of sockets) socket.destroy();
  await failed;
  return Math.round(rate);
}

/** One answer is under way at a time. */
function onAnswers(socket: Socket, headOnly: boolean, onAnswer: () => void): void {
  let head: Buffer = Buffer.alloc(0);
  let left = -1;
  socket.on("data", (chunk: Buffer) => {
    let bytes = chunk;
    if (left < 0) {
      head = head.length === 0 ? bytes : Buffer.concat([head, bytes]);
      const end = head.indexOf(headEnd);
      if (end < 0) return;
      const text = head.toString("latin1", 0, end);
      assert.match(text, /^HTTP\/1\.1 200 /);
      left = headOnly ? 0 : Number(/content-length: (\d+)/i.exec(text)?.[1]);
      bytes = head.subarray(end + headEnd.length);
      head = Buffer.alloc(0);
    }
    left -= bytes.length;
    assert.ok(left >= 0, "one answer at a time, with a length");
    if (left > 0) return;
    left = -1;
    onAnswer();
  });
}
