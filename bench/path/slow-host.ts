/**
 * The sending half of a host in a process of its own: uploads from a piece file on a disk that gives
 * 1 MB a second, to twenty readers that take what they get. Tells the delay of its event loop.
 */

import { createServer } from "node:http";
import type { Socket, AddressInfo } from "node:net";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { nodeClock } from "#platform/machine/clock.node.ts";
import { acceptUpgrade } from "#platform/sockets/connection.node.ts";
import { sha256 } from "#platform/keys/digest.ts";
import { SimDisk } from "#platform/files/disk.sim.ts";
import type { DiskFile } from "#platform/files/disk.ts";
import { silentLog } from "#platform/telemetry/log.ts";
import { loadNative } from "#platform/native/calls.node.ts";
import { PieceFile } from "#storage/pieces/mod.ts";
import { Limiter, Uploads } from "#transfer/mod.ts";
import { startReader } from "./start-reader.ts";

const diskBytesPerSecond = 1e6;
const pieceBytes = 256 * 1024;
const pieces = 64;
const readers = 20;
const measureMs = 10_000;

/** Answers each read when a disk that does one thing at a time would have. */
function slow(file: DiskFile): DiskFile {
  let freeMs = 0;
  return {
    name: file.name,
    descriptor: -1,
    async read(into, position) {
      freeMs = Math.max(freeMs, performance.now()) + (into.length / diskBytesPerSecond) * 1000;
      await new Promise((resolve) => setTimeout(resolve, freeMs - performance.now()));
      return await file.read(into, position);
    },
    write: (bytes, position) => file.write(bytes, position),
    truncate: (lengthBytes) => file.truncate(lengthBytes),
    allocate: (lengthBytes) => file.allocate(lengthBytes),
    clear: (position, count, isBlank) => file.clear(position, count, isBlank),
    cloneFrom: (source) => file.cloneFrom(source),
    identity: () => file.identity(),
    close: () => file.close(),
  };
}

const disk = new SimDisk();
const content = slow(await disk.open("/content", "keep"));
const journal = await disk.open("/journal", "keep");
const store = await PieceFile.open({ content, journal, boot: new Uint8Array(8), clock: nodeClock });
await store.begin({ kind: "object", url: "", generation: "g", pieceBytes, lengthBytes: pieces * pieceBytes });
const bytes = new Uint8Array(pieceBytes);
for (let index = 0; index < pieces; index++) await store.put(index, bytes, sha256(bytes));

const uploads = new Uploads({
  clock: nodeClock,
  log: silentLog,
  limiter: new Limiter(nodeClock, Infinity),
  slots: 8,
  refusal: () => null,
  trust: false,
});
uploads.serve({ task: "t", generation: "g", store });
const native = loadNative();
const server = createServer();
server.on("upgrade", (request, socket, head) => {
  const taken: { owner?: ReturnType<Uploads["accept"]> } = {};
  const handlers = {
    onBytes: (received: Uint8Array) => taken.owner?.received(received),
    onClose: () => taken.owner?.ended(),
  };
  const connection = acceptUpgrade(socket as Socket, head, { "Darner-Version": "1.0" }, handlers, native);
  taken.owner = uploads.accept(connection, String(request.headers["darner-host"]), "");
});
server.listen(0, "127.0.0.1", () => {
  const { port } = server.address() as AddressInfo;
  const reading = startReader({
    from: "daemon",
    port,
    connections: readers,
    bytes: 1e12,
    sizeBytes: pieces * pieceBytes,
    pieceBytes,
    task: "t",
    generation: "g",
  });
  const delay = monitorEventLoopDelay({ resolution: 5 });
  setTimeout(() => delay.enable(), 1000);
  setTimeout(() => {
    reading.stop();
    // A sample is the time between two ticks of 5 ms.
    const [p99Ms, mostMs] = [delay.percentile(99), delay.max].map((ns) => Math.max(0, ns / 1e6 - 5));
    process.send!({ p99Ms, mostMs, bytes: uploads.bytesTotal });
  }, measureMs);
});
