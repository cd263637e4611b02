/**
 * The real proxy server, over `node:http`. A request's head costs bounded time and memory; its body may
 * take as long as an upload takes, as long as it moves. A connection where nothing moves is closed.
 */

import type * as HttpTypes from "node:http";
import type { Duplex } from "node:stream";
import { http } from "../machine/modules.node.ts";
import { listenOn } from "../sockets/listen.node.ts";
import type { ProxyHandlers, ProxyServer, RequestHandler } from "./proxy-server.ts";

const headTimeoutMs = 10_000;
/** Engines unpack a layer while they read it. */
const idleMsMax = 5 * 60_000;
/** Tokens of registries run to several KiB. */
const headBytesMax = 64 * 1024;
const connectionsMax = 4096;

export function createNodeProxyServer(handlers: ProxyHandlers): ProxyServer {
  const sockets = new Set<Duplex>();
  const keep = (socket: Duplex): void => {
    sockets.add(socket);
    socket.once("close", () => sockets.delete(socket));
    socket.on("error", () => socket.destroy());
  };
  const server = makeServer(handlers.request);
  // For connections that were never listened for: a tunnel's inside, each with a handler of its own.
  const handlerOf = new WeakMap<object, RequestHandler>();
  const inner = makeServer((request, response) => handlerOf.get(request.socket)!(request, response));
  server.on("connection", keep);
  server.on("connect", (request, socket, head: Buffer) => handlers.connect(request, socket, head));
  return {
    listen: (address) => listenOn(server, address),
    adopt(socket, request) {
      handlerOf.set(socket, request);
      keep(socket);
      inner.emit("connection", socket);
    },
    async close(graceMs) {
      const closed = new Promise<void>((resolve) => (server.listening ? server.close(() => resolve()) : resolve()));
      server.closeIdleConnections();
      const cut = setTimeout(() => sockets.forEach((socket) => socket.destroy()), graceMs);
      await closed;
      clearTimeout(cut);
      sockets.forEach((socket) => socket.destroy());
    },
  };
}

function makeServer(handle: RequestHandler): HttpTypes.Server {
  const server = http.createServer({
    headersTimeout: headTimeoutMs,
    requestTimeout: 0,
    maxHeaderSize: headBytesMax,
    keepAliveTimeout: 65_000,
    noDelay: true,
  });
  server.maxConnections = connectionsMax;
  server.timeout = idleMsMax;
  server.on("request", (request, response) => {
    response.on("error", () => response.destroy());
    void handle(request, response);
  });
  server.on("clientError", (error: NodeJS.ErrnoException, socket) => {
    if (error.code === "ECONNRESET" || !socket.writable) socket.destroy();
    else socket.end("HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n", () => socket.destroy());
  });
  return server;
}
