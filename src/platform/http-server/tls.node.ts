/**
 * TLS and plain HTTP on one port, told apart by the first byte: 22 begins a TLS handshake (RFC 8446,
 * 5.1) and no HTTP request.
 *
 * 1. A certificate is asked for, not insisted on: health and metrics need none, an operator shows a
 *    token. One that does not count lets nobody in: `callerOf` then tells a stranger and why.
 * 2. No session is resumed, so each connection proves the key anew and a revocation counts at once.
 *    Connections between members are kept, and a whole handshake costs both sides some 3 ms of CPU together.
 * 3. A connection whose first byte or handshake takes too long is ended.
 */

import type { Server } from "node:http";
import type { Socket } from "node:net";
import type * as Tls from "node:tls";
import type { Identity } from "../keys/identity.ts";
import { logBudget } from "../telemetry/log-budget.ts";
import type { Log } from "../telemetry/log.ts";

const handshakeByte = 22;
const handshakesLoggedPerSecond = 10;

export interface TlsOptions {
  readonly identity: Identity;
  readonly handshakeTimeoutMs: number;
  readonly log: Log;
}

/** From now on `server` speaks both. */
export function alsoSpeakTls(server: Server, { identity, handshakeTimeoutMs, log }: TlsOptions): void {
  const tls: typeof Tls = process.getBuiltinModule("node:tls");
  const { SSL_OP_NO_TICKET } = process.getBuiltinModule("node:crypto").constants;
  const serve = server.listeners("connection").map((listener) => listener.bind(server)) as ((socket: Socket) => void)[];
  const plain = (socket: Socket): void => serve.forEach((listener) => listener(socket));
  const shown = (): Tls.SecureContextOptions => ({
    ca: identity.authority,
    ...identity.shown,
    minVersion: "TLSv1.3",
    secureOptions: SSL_OP_NO_TICKET,
  });
  const asking = { requestCert: true, rejectUnauthorized: false, handshakeTimeout: handshakeTimeoutMs };
  const secure = tls.createServer({ ...asking, ...shown() }, plain);
  identity.onRenewed(() => secure.setSecureContext(shown()));
  const mayLog = logBudget({ nowMs: () => performance.now() }, handshakesLoggedPerSecond);
  secure.on("tlsClientError", (error, socket) => {
    if (mayLog()) log.info("tls.refused", { remote: socket.remoteAddress, why: error.message });
    socket.destroy();
  });
  server.removeAllListeners("connection");
  server.on("connection", (socket: Socket) =>
    onFirstByte(socket, handshakeTimeoutMs, (byte) => {
      if (byte === handshakeByte) secure.emit("connection", socket);
      else plain(socket);
    }),
  );
}

/** Looks at the first byte and leaves it where it was. */
function onFirstByte(socket: Socket, waitMs: number, take: (byte: number) => void): void {
  const timer = setTimeout(() => socket.destroy(), waitMs);
  const gone = (): void => clearTimeout(timer);
  const failed = (): void => void socket.destroy();
  socket.once("close", gone);
  socket.on("error", failed);
  const look = (): void => {
    const head = socket.read(1) as Buffer | null;
    if (head === null) return void socket.once("readable", look);
    gone();
    socket.off("close", gone);
    socket.off("error", failed);
    socket.unshift(head);
    take(head[0]!);
  };
  look();
}
