/** The benchmark's origin: one object of random bytes at a steady rate. */

import { randomFillSync } from "node:crypto";
import { createServer, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

const blockBytes = 1024 * 1024;

export interface BenchOrigin {
  readonly url: string;
  readonly server: Server;
}

export async function startOrigin(sizeBytes: number, rateBytesPerSecond: number): Promise<BenchOrigin> {
  const block = randomFillSync(Buffer.alloc(blockBytes));
  const server = createServer((_request, response) => {
    response.writeHead(200, { "Content-Length": sizeBytes, "ETag": '"bench"' });
    pace(response, block, sizeBytes, rateBytesPerSecond);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/object.bin`, server };
}

/** Each block begins with its number, so that no two pieces are the same. */
function pace(response: ServerResponse, block: Buffer, sizeBytes: number, rateBytesPerSecond: number): void {
  const startMs = performance.now();
  let sent = 0;
  const timer = setInterval(() => {
    const allowed = ((performance.now() - startMs) * rateBytesPerSecond) / 1000;
    while (sent < sizeBytes && sent < allowed && response.writableLength < 4 * blockBytes) {
      const part = Buffer.from(block.subarray(0, Math.min(blockBytes, sizeBytes - sent)));
      if (part.length >= 8) part.writeDoubleBE(sent, 0);
      sent += part.length;
      response.write(part);
    }
    if (sent < sizeBytes) return;
    clearInterval(timer);
    response.end();
  }, 5);
  response.on("close", () => clearInterval(timer));
}
