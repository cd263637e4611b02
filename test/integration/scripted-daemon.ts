/** A host daemon for tests of dfget: says and does what a script tells, over the real socket protocol. */

import { once } from "node:events";
import * as http from "node:http";
import * as net from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import type { DownloadAsk, DownloadEvent } from "#core/protocol/mod.ts";
import { readBootTag } from "#platform/machine/boot.node.ts";
import { nodeDisk } from "#platform/files/disk.node.ts";
import { sha256 } from "#platform/keys/digest.ts";
import { loadNative } from "#platform/native/calls.node.ts";
import { PieceFile } from "#storage/pieces/mod.ts";

const pieceBytes = 65_536;
const noBytes = { origin: 0, peers: 0, local: 0 };

export interface DaemonScript {
  readonly content: Buffer;
  readonly validator: string;
  readonly facts: unknown;
  /** Ends, connections and all, or falls silent, once so many pieces are written or half the body is sent. */
  readonly dieAfterPieces?: number;
  /** Refuses with this error. */
  readonly refuse?: { readonly code: string; readonly message: string };
  /** `failed` after so many pieces. */
  readonly failAfterPieces?: number;
}

export class ScriptedDaemon {
  readonly asks: DownloadAsk[] = [];
  readonly settled: string[] = [];
  readonly #script: DaemonScript;
  readonly #api: http.Server;
  readonly #handover: net.Server;
  readonly #handed = new Map<string, readonly number[]>();
  readonly #sockets = new Set<net.Socket>();

  private constructor(script: DaemonScript) {
    this.#script = script;
    this.#api = http.createServer((request, response) => void this.#answer(request, response).catch(() => this.die()));
    this.#handover = net.createServer({ pauseOnConnect: true }, (socket) => void this.#receive(socket));
    for (const server of [this.#api, this.#handover]) {
      server.on("connection", (socket: net.Socket) => {
        this.#sockets.add(socket);
        socket.on("error", () => undefined);
      });
    }
  }

  static async start(socketPath: string, script: DaemonScript): Promise<ScriptedDaemon> {
    const daemon = new ScriptedDaemon(script);
    daemon.#api.listen(socketPath);
    daemon.#handover.listen(`${socketPath}.fd`);
    await Promise.all([once(daemon.#api, "listening"), once(daemon.#handover, "listening")]);
    return daemon;
  }

  die(): void {
    this.#api.close();
    this.#handover.close();
    for (const socket of this.#sockets) socket.destroy();
  }

  async #receive(socket: net.Socket): Promise<void> {
    const native = loadNative();
    for (let tries = 0; tries < 4000; tries++) {
      const received = native.receiveDescriptors(socket, 4096);
      if (received.kind === "closed") return;
      if (received.kind === "received") {
        this.#handed.set(Buffer.from(received.bytes).toString(), received.descriptors);
        socket.write(Uint8Array.of(1));
        return;
      }
      await delay(5);
    }
  }

  async #answer(request: http.IncomingMessage, response: http.ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
    if (request.url!.endsWith("/settled")) {
      this.settled.push(request.url!);
      return void response.end("{}");
    }
    if (request.url!.endsWith("/body")) return await this.#sendBody(response);
    const ask = JSON.parse(Buffer.concat(chunks).toString()) as DownloadAsk;
    this.asks.push(ask);
    const { refuse } = this.#script;
    if (refuse !== undefined) {
      response.statusCode = 403;
      return void response.end(JSON.stringify({ error: { ...refuse, retry: "never" } }));
    }
    const tell = (event: DownloadEvent): boolean => response.write(`${JSON.stringify(event)}\n`);
    const lengthBytes = this.#script.content.length;
    tell({ event: "started", id: "d1", url: ask.url, lengthBytes, pieceBytes });
    tell({ event: "way", text: "from a peer" });
    if (ask.output.kind === "descriptors") await this.#writeFiles(ask, ask.output.token, tell);
    else await this.#bodySent.promise;
    if (this.#script.failAfterPieces !== undefined) return void response.end();
    const bytes = { ...noBytes, peers: lengthBytes };
    tell({ event: "done", lengthBytes, digests: [], bytes, lastModified: "Sat, 01 Nov 2025 10:00:00 GMT" });
    response.end();
  }

  readonly #bodySent = Promise.withResolvers<void>();

  async #sendBody(response: http.ServerResponse): Promise<void> {
    const { content, dieAfterPieces } = this.#script;
    response.setHeader("content-length", content.length);
    if (dieAfterPieces === undefined) response.end(content, () => this.#bodySent.resolve());
    else {
      if (dieAfterPieces > 0) response.write(content.subarray(0, dieAfterPieces * pieceBytes));
      else response.flushHeaders();
      await delay(100);
      this.die();
    }
  }

  async #writeFiles(ask: DownloadAsk, token: string, tell: (event: DownloadEvent) => boolean): Promise<void> {
    for (let waited = 0; !this.#handed.has(token) && waited < 4000; waited++) await delay(5);
    const [content, journal] = this.#handed.get(token)!.map((descriptor) => nodeDisk.adopt(descriptor, "handed over"));
    const boot = readBootTag();
    const store = await PieceFile.open({ content: content!, journal: journal!, boot });
    const { content: bytes, validator, facts, dieAfterPieces, failAfterPieces } = this.#script;
    const lengthBytes = bytes.length;
    const object = { kind: "object", url: ask.url, generation: "g", pieceBytes, lengthBytes, validator } as const;
    await store.begin({ ...object, notes: { facts } });
    const pieces = Math.ceil(lengthBytes / pieceBytes);
    try {
      for (let index = 0; index < pieces; index++) {
        if (index === dieAfterPieces) break;
        if (index === failAfterPieces) {
          tell({
            event: "failed",
            error: { code: "origin.gone", message: "cannot fetch it: it is gone", retry: "never" },
          });
          return;
        }
        const piece = bytes.subarray(index * pieceBytes, (index + 1) * pieceBytes);
        await store.put(index, piece, sha256(piece));
        tell({ event: "progress", bytes: { ...noBytes, peers: index * pieceBytes }, lengthBytes });
      }
      if (dieAfterPieces === undefined) await store.finish(lengthBytes, []);
    } finally {
      await store.close();
    }
    if (dieAfterPieces === undefined) return;
    this.die();
    await new Promise(() => undefined);
  }
}
