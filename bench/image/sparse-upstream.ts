/**
 * A registry with one image whose one layer is an archive of zeros, as long as it is told to be: nothing
 * of it lies on a disk or in memory. A process of its own, which tells its parent where it listens.
 *
 *     node bench/image/sparse-upstream.ts SIZE_BYTES
 */

import { createHash } from "node:crypto";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

/** What it tells its parent, first of all. */
export interface SparseImage {
  readonly port: number;
  readonly layer: string;
  readonly layerBytes: number;
}

const chunk = Buffer.alloc(1024 * 1024);
const fileBytes = Number(process.argv[2]);
const head = tarHead("zeros.bin", fileBytes);
const layerBytes = head.length + Math.ceil(fileBytes / 512) * 512 + 1024;
const type = "application/vnd.oci.image";

function tarHead(name: string, sizeBytes: number): Buffer {
  const bytes = Buffer.alloc(512);
  bytes.write(name, 0);
  bytes.write(["0000644", "0000000", "0000000", ""].join("\0"), 100);
  if (sizeBytes < 8 ** 11) bytes.write(`${sizeBytes.toString(8).padStart(11, "0")}\0`, 124);
  else {
    // Base 256, as GNU tar writes what octal digits cannot hold.
    bytes[124] = 0x80;
    bytes.writeBigUInt64BE(BigInt(sizeBytes), 128);
  }
  bytes.write("00000000000\0        0", 136);
  bytes.write("ustar\u000000", 257);
  const sum = bytes.reduce((total, byte) => total + byte, 0);
  bytes.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148);
  return bytes;
}

function* layerFrom(start: number, end: number): Generator<Buffer> {
  for (let position = start; position < end;) {
    const part = position < head.length ? head.subarray(position) : chunk;
    const bytes = part.subarray(0, end - position);
    position += bytes.length;
    yield bytes;
  }
}

function digestOf(parts: Iterable<Uint8Array>): string {
  const hash = createHash("sha256");
  for (const part of parts) hash.update(part);
  return `sha256:${hash.digest("hex")}`;
}

const layer = digestOf(layerFrom(0, layerBytes));
const rootfs = { type: "layers", diff_ids: [layer] };
const config = Buffer.from(JSON.stringify({ os: "linux", architecture: "amd64", rootfs, config: {} }));
const manifest = Buffer.from(
  JSON.stringify({
    schemaVersion: 2,
    mediaType: `${type}.manifest.v1+json`,
    config: { mediaType: `${type}.config.v1+json`, digest: digestOf([config]), size: config.length },
    layers: [{ mediaType: `${type}.layer.v1.tar`, digest: layer, size: layerBytes }],
  }),
);

async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const last = request.url?.split("/").at(-1) ?? "";
  if (request.url === "/v2/") return void response.end("{}");
  if (last !== layer) {
    const isManifest = request.url?.includes("/manifests/") === true;
    const bytes = isManifest ? manifest : config;
    const contentType = isManifest ? `${type}.manifest.v1+json` : "application/octet-stream";
    response.writeHead(200, {
      "content-type": contentType,
      "content-length": bytes.length,
      "docker-content-digest": digestOf([bytes]),
    });
    return void response.end(request.method === "HEAD" ? undefined : bytes);
  }
  const [, first] = /^bytes=(\d+)-/.exec(request.headers.range ?? "") ?? [];
  const start = Number(first ?? 0);
  const headers = { "content-length": layerBytes - start, "accept-ranges": "bytes", "etag": `"${layer}"` };
  if (first === undefined) response.writeHead(200, headers);
  else response.writeHead(206, { ...headers, "content-range": `bytes ${start}-${layerBytes - 1}/${layerBytes}` });
  if (request.method === "HEAD") return void response.end();
  for (const bytes of layerFrom(start, layerBytes)) {
    if (response.destroyed) return;
    if (!response.write(bytes))
      await new Promise<void>((resolve) => {
        const go = (): void => (response.off("drain", go).off("close", go), resolve());
        response.on("drain", go).on("close", go);
      });
  }
  response.end();
}

const server = createServer((request, response) => void answer(request, response));
server.listen(0, "127.0.0.1", () => {
  const image: SparseImage = { port: (server.address() as AddressInfo).port, layer, layerBytes };
  process.send?.(image);
});
process.on("disconnect", () => process.exit(0));
