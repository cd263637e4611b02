/** What a BitTorrent rival needs: a .torrent file (BEP 3) and an HTTP tracker with compact answers (BEP 23). */

import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";

type Bencoded = string | number | Buffer | readonly Bencoded[] | { readonly [key: string]: Bencoded };

function bencode(value: Bencoded): Buffer {
  if (typeof value === "number") return Buffer.from(`i${value}e`);
  if (typeof value === "string") return bencode(Buffer.from(value));
  if (Buffer.isBuffer(value)) return Buffer.concat([Buffer.from(`${value.length}:`), value]);
  if (Array.isArray(value)) return Buffer.concat([Buffer.from("l"), ...value.map(bencode), Buffer.from("e")]);
  const entries = Object.entries(value as { readonly [key: string]: Bencoded }).sort(([a], [b]) => (a < b ? -1 : 1));
  return Buffer.concat([
    Buffer.from("d"),
    ...entries.flatMap(([key, item]) => [bencode(key), bencode(item)]),
    Buffer.from("e"),
  ]);
}

/** The .torrent of one file named `name`. */
export function makeTorrent(path: string, name: string, announce: string, pieceBytes: number): Buffer {
  const data = readFileSync(path);
  const hashes: Buffer[] = [];
  for (let start = 0; start < data.length; start += pieceBytes) {
    hashes.push(
      createHash("sha1")
        .update(data.subarray(start, start + pieceBytes))
        .digest(),
    );
  }
  return bencode({
    announce,
    info: { "length": data.length, name, "piece length": pieceBytes, "pieces": Buffer.concat(hashes) },
  });
}

/** Answers every announce with all other peers it heard of that have not said goodbye. */
export function startTracker(host: string, port: number): void {
  const peers = new Map<string, Buffer>();
  createServer((request, response) => {
    const address = (request.socket.remoteAddress ?? "").replace("::ffff:", "");
    const asked = new URL(request.url ?? "/", "http://tracker").searchParams;
    const peerPort = Number(asked.get("port"));
    const peer = `${address}:${peerPort}`;
    const others = [...peers].filter(([name]) => name !== peer).map(([, compact]) => compact);
    if (asked.get("event") === "stopped") peers.delete(peer);
    else peers.set(peer, Buffer.from([...address.split(".").map(Number), peerPort >> 8, peerPort & 255]));
    response.end(bencode({ "interval": 5, "min interval": 2, "peers": Buffer.concat(others) }));
  }).listen(port, host);
}

// `node bench/swarm/torrent.ts HOST PORT` is the tracker's process.
if (process.argv[1]?.endsWith("torrent.ts") === true) startTracker(process.argv[2]!, Number(process.argv[3]));
