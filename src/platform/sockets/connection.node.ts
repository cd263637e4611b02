/**
 * Connections over `node:net`.
 *
 * Receiving uses `onread`, so that a piece's bytes are written once, by the kernel, where they stay
 * until they are hashed and stored; SO_RCVLOWAT keeps the process asleep until a read is worth while.
 * Sending uses sendfile(2) where the native port has it, else reads through the pool and writes.
 */

import type { IncomingMessage } from "node:http";
import net from "node:net";
import type * as Tls from "node:tls";
import { assert, DarnerError } from "#base/mod.ts";
import { memberName, type Member } from "#core/model/mod.ts";
import type { Connection, ConnectionHandlers, Dialled, Dialler, DialOptions, Gate, ReadSink } from "./connection.ts";
import type { DiskFile } from "../files/disk.ts";
import { memberOf } from "../keys/certificates.ts";
import type { TlsParty } from "../keys/identity.ts";
import { absentNative, type Native } from "../native/calls.ts";
import { memberError, notJoined } from "./network-error.ts";
import { pumpFile } from "./send-file.node.ts";

/** The head of an upgrade's answer is short; more is not ours. */
const headBytesMax = 16 * 1024;
/** The kernel queues no more than this unsent, so that what is sent next is decided late. */
const unsentBytes = 256 * 1024;
/** The kernel counts in seconds; it probes again each second. */
const probeAfterMs = 1_000;

class NodeConnection implements Connection {
  readonly remote: string;
  readonly #socket: net.Socket;
  readonly #native: Native;
  #closed = false;
  #corked = false;
  /** While a file is on its way nothing may come between its bytes: frames wait here. */
  #deferred: Uint8Array[] | undefined;

  constructor(socket: net.Socket, remote: string, handlers: ConnectionHandlers, native: Native) {
    this.#socket = socket;
    this.#native = native;
    this.remote = remote;
    let reason = "closed by the other side";
    socket.setNoDelay(true);
    socket.on("error", (error) => (reason = error.message));
    socket.on("end", () => socket.destroy());
    socket.on("close", () => {
      if (this.#closed) return;
      this.#closed = true;
      handlers.onClose(reason);
    });
  }

  get closed(): boolean {
    return this.#closed || this.#socket.destroyed;
  }

  get roundTripMs(): number | undefined {
    return this.closed ? undefined : this.#native.roundTripMs(this.#socket);
  }

  get queuedBytes(): number {
    return this.#socket.writableLength;
  }

  send(bytes: Uint8Array): void {
    if (this.closed) return;
    if (this.#deferred !== undefined) {
      this.#deferred.push(bytes);
      return;
    }
    if (!this.#corked) {
      this.#corked = true;
      this.#socket.cork();
      setImmediate(() => {
        this.#corked = false;
        this.#socket.uncork();
      });
    }
    this.#socket.write(bytes);
  }

  async sendFile(head: Uint8Array, file: DiskFile, position: number, count: number, gate: Gate): Promise<void> {
    assert(this.#deferred === undefined, "one file at a time is sent on a connection");
    this.#deferred = [];
    try {
      await this.#writeHead(head);
      await pumpFile(this.#socket, this.#native, file, position, count, gate);
    } finally {
      const waiting = this.#deferred;
      this.#deferred = undefined;
      for (const bytes of waiting) this.send(bytes);
    }
  }

  #writeHead(head: Uint8Array): Promise<void> {
    return new Promise<void>((resolve, reject) => {
      if (this.closed) return reject(brokenPipe(this.remote));
      // Everything corked leaves with the head, before the file's first byte.
      while (this.#socket.writableCorked > 0) this.#socket.uncork();
      const gone = (): void => reject(brokenPipe(this.remote));
      this.#socket.once("close", gone);
      this.#socket.write(head, () => {
        this.#socket.removeListener("close", gone);
        resolve();
      });
    });
  }

  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    if (!this.closed) this.#socket.resume();
  }

  close(): void {
    this.#socket.destroy();
  }
}

function brokenPipe(remote: string): DarnerError {
  return new DarnerError("network.broken", `cannot send to ${remote}: the connection is closed`, { retry: "now" });
}

/** Answers an upgrade request and takes the socket over. `head` holds bytes that came with the request. */
export function acceptUpgrade(
  socket: net.Socket,
  head: Uint8Array,
  headers: Readonly<Record<string, string>>,
  handlers: ConnectionHandlers,
  native: Native = absentNative,
): Connection {
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  socket.write(`HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: darner\r\n${lines.join("")}\r\n`);
  socket.setTimeout(0);
  native.setUnsentLowWater(socket, unsentBytes);
  const connection = new NodeConnection(socket, describe(socket), handlers, native);
  socket.on("data", (bytes: Buffer) => handlers.onBytes?.(bytes));
  if (head.length > 0) queueMicrotask(() => handlers.onBytes?.(head));
  return connection;
}

/** Refuses an upgrade with a status line that the dialling side reports. */
export function refuseUpgrade(socket: net.Socket, status: number, reason: string): void {
  // The server has let go of the socket: a reset by who is refused would end the process.
  socket.on("error", () => socket.destroy());
  socket.end(`HTTP/1.1 ${status} ${reason}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
}

export function upgradeHeader(request: IncomingMessage, name: string): string | undefined {
  const value = request.headers[name.toLowerCase()];
  return Array.isArray(value) ? value[0] : value;
}

function describe(socket: net.Socket): string {
  return `${socket.remoteAddress ?? "?"}:${socket.remotePort ?? "?"}`;
}

/** Reads the upgrade's answer, then hands every byte to the sink. */
class UpgradeReader {
  readonly #sink: ReadSink;
  readonly #scratch = Buffer.allocUnsafeSlow(headBytesMax);
  #filled = 0;
  #upgraded = false;
  onHead: (head: string) => void = () => {};

  constructor(sink: ReadSink) {
    this.#sink = sink;
  }

  nextBuffer(): Uint8Array {
    return this.#upgraded ? this.#sink.nextBuffer() : this.#scratch.subarray(this.#filled);
  }

  /** False when the head is too long. */
  filled(count: number): boolean {
    if (this.#upgraded) {
      this.#sink.filled(count);
      return true;
    }
    this.#filled += count;
    const end = this.#scratch.subarray(0, this.#filled).indexOf("\r\n\r\n");
    if (end < 0) return this.#filled < headBytesMax;
    this.#upgraded = true;
    const rest = this.#scratch.subarray(end + 4, this.#filled);
    this.onHead(this.#scratch.toString("latin1", 0, end));
    for (let offset = 0; offset < rest.length;) {
      const buffer = this.#sink.nextBuffer();
      const taken = Math.min(buffer.length, rest.length - offset);
      buffer.set(rest.subarray(offset, offset + taken));
      offset += taken;
      this.#sink.filled(taken);
    }
    return true;
  }

  lowWaterBytes(): number {
    return this.#upgraded ? this.#sink.lowWaterBytes() : 1;
  }
}

/** A sink for connections that receive only small frames: bytes are copied out to a handler. */
function handlerSink(handlers: ConnectionHandlers): ReadSink {
  const buffer = Buffer.allocUnsafeSlow(64 * 1024);
  return {
    nextBuffer: () => buffer,
    filled: (count) => handlers.onBytes?.(Buffer.from(buffer.subarray(0, count))),
    lowWaterBytes: () => 1,
  };
}

function parseHead(head: string): { status: number; reason: string; headers: Record<string, string> } {
  const [first = "", ...lines] = head.split("\r\n");
  const match = /^HTTP\/1\.1 (\d{3}) ?(.*)$/.exec(first);
  const headers: Record<string, string> = {};
  for (const line of lines) {
    const colon = line.indexOf(":");
    if (colon > 0) headers[line.slice(0, colon).toLowerCase()] = line.slice(colon + 1).trim();
  }
  return { status: match === null ? 0 : Number(match[1]), reason: match?.[2] ?? first, headers };
}

function dialError(error: NodeJS.ErrnoException, to: string): DarnerError {
  const options = { retry: { afterMs: 1000 }, cause: error } as const;
  switch (error.code) {
    case "ECONNREFUSED":
    case "ENOENT":
      return new DarnerError("network.refused", `cannot connect to ${to}: nothing listens there`, options);
    case "ENOTFOUND":
    case "EAI_AGAIN":
      return new DarnerError("network.unknown-host", `cannot connect to ${to}: the name is unknown`, options);
    case "ETIMEDOUT":
      return new DarnerError("network.timeout", `cannot connect to ${to}: no answer`, options);
    case "EHOSTUNREACH":
    case "ENETUNREACH":
      return new DarnerError("network.unreachable", `cannot connect to ${to}: no route`, options);
    default:
      return error.code === undefined
        ? new DarnerError("network.broken", `cannot connect to ${to}: ${error.message}`, options)
        : memberError(error, `connect to ${to}`);
  }
}

/** `party`: how it proves itself over TLS; without one nobody is dialled so. */
export function createDialler(native: Native = absentNative, party?: TlsParty): Dialler {
  return {
    dial: (options, handlers, sink) => dial(options, handlers, sink ?? handlerSink(handlers), { native, party }),
  };
}

/** TCP, and TLS upon it when the other side should prove its role. */
function connectTo({ host, port, secureTo }: DialOptions, onread: net.OnReadOpts, party?: TlsParty): net.Socket {
  if (secureTo === undefined) return net.connect({ host, port, onread });
  if (party === undefined) throw notJoined(`connect to ${host}:${port}`);
  const tls: typeof Tls = process.getBuiltinModule("node:tls");
  const secureContext = party.context();
  // Said aloud, so that NODE_TLS_REJECT_UNAUTHORIZED cannot switch it off.
  const checked = { rejectUnauthorized: true, servername: memberName(secureTo) };
  const options: Tls.ConnectionOptions & Pick<net.TcpNetConnectOpts, "onread"> = { host, port, onread, secureContext };
  return tls.connect({ ...options, ...checked });
}

function memberAt(socket: net.Socket): Member | undefined {
  const certificate = "encrypted" in socket ? (socket as Tls.TLSSocket).getPeerX509Certificate() : undefined;
  return certificate === undefined ? undefined : memberOf(certificate);
}

function dial(
  options: DialOptions,
  handlers: ConnectionHandlers,
  sink: ReadSink,
  { native, party }: { readonly native: Native; readonly party: TlsParty | undefined },
): Promise<Dialled> {
  const to = `${options.host.includes(":") ? `[${options.host}]` : options.host}:${options.port}`;
  const reader = new UpgradeReader(sink);
  let mark = 1;
  return new Promise<Dialled>((resolve, reject) => {
    const onread: net.OnReadOpts = {
      buffer: () => reader.nextBuffer(),
      callback(count) {
        if (!reader.filled(count)) socket.destroy(new Error("the answer's head is too long"));
        const wanted = reader.lowWaterBytes();
        if (wanted !== mark) native.setReceiveLowWater(socket, (mark = wanted));
        return true;
      },
    };
    const socket = connectTo(options, onread, party);
    const timer = setTimeout(
      () => socket.destroy(Object.assign(new Error("no answer"), { code: "ETIMEDOUT" })),
      options.timeoutMs,
    );
    const fail = (error: DarnerError): void => {
      clearTimeout(timer);
      socket.destroy();
      reject(error);
    };
    const early = (error: NodeJS.ErrnoException): void => fail(dialError(error, to));
    const ended = (): void => fail(dialError(new Error("closed before the upgrade"), to));
    socket.once("error", early);
    socket.once("close", ended);
    reader.onHead = (head) => {
      clearTimeout(timer);
      socket.off("error", early);
      socket.off("close", ended);
      const { status, reason, headers } = parseHead(head);
      if (status !== 101) {
        socket.on("error", () => {});
        fail(
          new DarnerError("cluster.refused", `cannot join ${to}${options.path}: it answered ${status} ${reason}`, {
            retry: { afterMs: 2000 },
          }),
        );
        return;
      }
      if (options.vanishedMs !== undefined) {
        socket.setKeepAlive(true, probeAfterMs);
        native.setVanishedTimeout(socket, options.vanishedMs);
      }
      resolve({ connection: new NodeConnection(socket, to, handlers, native), member: memberAt(socket), headers });
    };
    const lines = Object.entries(options.headers).map(([name, value]) => `${name}: ${value}\r\n`);
    socket.write(
      `GET ${options.path} HTTP/1.1\r\nHost: ${to}\r\nConnection: Upgrade\r\nUpgrade: darner\r\n${lines.join("")}\r\n`,
    );
  });
}
