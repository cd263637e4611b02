/** A line to a registry that gives so many bytes a second to all who come, and counts them. */

import { once } from "node:events";
import { connect, createServer, type AddressInfo, type Server } from "node:net";
import { setTimeout as delay } from "node:timers/promises";

export interface SlowLine {
  readonly port: number;
  /** That came from the registry. */
  readonly bytes: () => number;
  readonly close: () => void;
}

export async function slowLine(port: number, bytesPerSecond: number): Promise<SlowLine> {
  let sent = 0;
  let freeAtMs = performance.now();
  const server: Server = createServer((near) => {
    const far = connect(port, "127.0.0.1");
    near.pipe(far);
    let queue: Promise<unknown> = Promise.resolve();
    far.on("data", (chunk: Buffer) => {
      sent += chunk.length;
      freeAtMs = Math.max(freeAtMs, performance.now()) + (chunk.length / bytesPerSecond) * 1000;
      const atMs = freeAtMs;
      far.pause();
      queue = queue.then(async () => {
        await delay(Math.max(0, atMs - performance.now()));
        near.write(chunk);
        far.resume();
      });
    });
    far.on("end", () => void queue.then(() => near.end()));
    for (const socket of [near, far]) socket.on("error", () => (near.destroy(), far.destroy()));
    near.on("close", () => far.destroy());
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  return { port: (server.address() as AddressInfo).port, bytes: () => sent, close: () => server.close() };
}
