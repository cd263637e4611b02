/**
 * The real HTTP server, over `node:http`. One set of routes, any number of addresses.
 *
 * 1. A request costs bounded time and memory before a handler runs: head 16 KiB in 10 s, all of it
 *    within 60 s, a body read as JSON at most 1 MiB.
 * 2. An upgrade gets its socket with `allowHalfOpen` off and no timer on it: when the peer ends its
 *    half, ours ends too, unless the handler says otherwise. Its errors never end the process.
 * 3. `close` comes back within its grace, whatever handlers and peers do.
 */

import type * as HttpTypes from "node:http";
import { http } from "../machine/modules.node.ts";
import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import { asDarnerError, DarnerError, errorToWire } from "#base/mod.ts";
import { readJsonBody } from "./json-body.node.ts";
import { alsoSpeakTls } from "./tls.node.ts";
import { listenOn } from "../sockets/listen.node.ts";
import { routeTable, type RouteMatch, type RouteTable } from "./routes.ts";
import type { Admission, HttpServer, HttpServerOptions, Route, RouteAnswer, UpgradeRoute } from "./server.ts";
import type { Identity } from "../keys/identity.ts";
import { httpStatusOf } from "./status.ts";
import type { Log } from "../telemetry/log.ts";

export interface HttpLimits {
  readonly headTimeoutMs: number;
  readonly requestTimeoutMs: number;
  /** How long an answer may lie unread by its client. */
  readonly answerIdleMs: number;
  readonly keepAliveMs: number;
  readonly connectionsMax: number;
  readonly bodyBytesMax: number;
}

export const httpLimits: HttpLimits = {
  headTimeoutMs: 10_000,
  requestTimeoutMs: 60_000,
  answerIdleMs: 30_000,
  keepAliveMs: 65_000,
  connectionsMax: 16_384,
  bodyBytesMax: 1024 * 1024,
};

const headBytesMax = 16 * 1024;
const dropLogEveryMs = 10_000;

class NodeHttpServer implements HttpServer {
  readonly #find: RouteTable;
  readonly #admit: Admission;
  readonly #upgrades: ReadonlyMap<string, UpgradeRoute>;
  readonly #log: Log;
  readonly #limits: HttpLimits;
  readonly #identity: Identity | undefined;
  readonly #servers: HttpTypes.Server[] = [];
  readonly #sockets = new Set<Socket>();
  readonly #running = new Set<HttpTypes.ServerResponse>();
  #closing = false;
  #whenQuiet: (() => void) | undefined;
  #dropLoggedMs = -Infinity;

  constructor(options: HttpServerOptions, log: Log, limits: HttpLimits) {
    this.#find = routeTable([...options.routes, listOf(options)]);
    this.#admit = options.admit;
    this.#identity = options.identity;
    this.#upgrades = new Map(options.upgrades.map((upgrade) => [upgrade.path, upgrade]));
    this.#log = log;
    this.#limits = limits;
  }

  async listen(address: Parameters<HttpServer["listen"]>[0]): ReturnType<HttpServer["listen"]> {
    const server = this.#createServer();
    if (this.#identity !== undefined && address.kind === "tcp") {
      const { headTimeoutMs: handshakeTimeoutMs } = this.#limits;
      alsoSpeakTls(server, { identity: this.#identity, handshakeTimeoutMs, log: this.#log });
    }
    server.prependListener("connection", (socket) => this.#keep(socket));
    const bound = await listenOn(server, address);
    this.#servers.push(server);
    return bound;
  }

  async close(graceMs: number): Promise<void> {
    this.#closing = true;
    const closed = this.#servers.map((server) => new Promise<void>((resolve) => void server.close(() => resolve())));
    for (const server of this.#servers) server.closeIdleConnections();
    const inTime = await this.#quiet(graceMs);
    // What an answer still has on its way is sent; upgraded connections are ended by their role or here.
    if (inTime) for (const socket of this.#sockets) socket.destroySoon();
    const cut = setTimeout(
      () => this.#sockets.forEach((socket) => socket.destroy()),
      inTime ? Math.min(graceMs, 1000) : 0,
    );
    await Promise.all(closed);
    clearTimeout(cut);
  }

  /** True once no answer is running, false when that took longer than `withinMs`. */
  #quiet(withinMs: number): Promise<boolean> {
    if (this.#running.size === 0) return Promise.resolve(true);
    return new Promise((resolve) => {
      const timeout = setTimeout(() => resolve(false), withinMs);
      this.#whenQuiet = () => {
        clearTimeout(timeout);
        resolve(true);
      };
    });
  }

  #createServer(): HttpTypes.Server {
    const { headTimeoutMs, requestTimeoutMs, keepAliveMs, connectionsMax } = this.#limits;
    const server = http.createServer({
      headersTimeout: headTimeoutMs,
      requestTimeout: requestTimeoutMs,
      connectionsCheckingInterval: Math.max(20, Math.min(2000, headTimeoutMs / 4)),
      keepAliveTimeout: keepAliveMs,
      maxHeaderSize: headBytesMax,
      noDelay: true,
      // Any other upgrade (curl --http2 offers h2c) is answered as the plain request that it also is.
      shouldUpgradeCallback: (request) => this.#upgrades.has(pathOf(request)),
    });
    server.maxConnections = connectionsMax;
    server.on("request", (request, response) => void this.#answer(request, response));
    server.on("upgrade", (request, socket, head) => void this.#upgrade(request, socket as Socket, head));
    server.on("connect", (_request, socket) =>
      socket.end("HTTP/1.1 405 Method Not Allowed\r\nConnection: close\r\n\r\n"),
    );
    server.on("clientError", (error, socket) => refuseClient(error, socket));
    server.on("drop", () => this.#dropped());
    // Who asked it to listen hears why it cannot.
    server.on("error", (error) => {
      if (server.listening) this.#log.warn("http.accept-failed", { error: error.message });
    });
    return server;
  }

  #keep(socket: Socket): void {
    this.#sockets.add(socket);
    socket.once("close", () => this.#sockets.delete(socket));
  }

  #dropped(): void {
    const nowMs = performance.now();
    if (nowMs - this.#dropLoggedMs < dropLogEveryMs) return;
    this.#dropLoggedMs = nowMs;
    this.#log.warn("http.connections-full", { connectionsMax: this.#limits.connectionsMax });
  }

  async #upgrade(request: HttpTypes.IncomingMessage, socket: Socket, head: Buffer): Promise<void> {
    const path = pathOf(request);
    socket.on("error", (error) => this.#log.debug("http.upgraded-socket-failed", { path, error: error.message }));
    const upgrade = this.#upgrades.get(path);
    if (upgrade === undefined || this.#closing) {
      socket.end(
        `HTTP/1.1 ${upgrade === undefined ? "404 Not Found" : "503 Service Unavailable"}\r\nConnection: close\r\n\r\n`,
      );
      return;
    }
    socket.allowHalfOpen = false;
    socket.setTimeout(0);
    try {
      await this.#admit({ method: "UPGRADE", path, access: upgrade.access }, request);
    } catch (error) {
      const known = asDarnerError(error);
      socket.end(`HTTP/1.1 ${httpStatusOf(known)} ${oneLine(known.message)}\r\nConnection: close\r\n\r\n`);
      return;
    }
    if (socket.destroyed) return;
    try {
      upgrade.handle(request, socket, head);
    } catch (error) {
      this.#log.error("http.upgrade-failed", { path, error: asDarnerError(error).message });
      socket.destroy();
    }
  }

  async #answer(request: HttpTypes.IncomingMessage, response: HttpTypes.ServerResponse): Promise<void> {
    const startedMs = performance.now();
    const path = pathOf(request);
    this.#running.add(response);
    response.once("close", () => {
      this.#running.delete(response);
      if (this.#running.size === 0) this.#whenQuiet?.();
      const tookMs = Math.round(performance.now() - startedMs);
      this.#log.debug("http.answered", { method: request.method, path, status: response.statusCode, tookMs });
    });
    response.on("error", () => response.destroy());
    response.setHeader("Server", "darner");
    if (this.#closing || request.headers.upgrade !== undefined) response.shouldKeepAlive = false;
    try {
      const answer = await this.#route(request, response, path);
      if (answer !== undefined) this.#send(response, answer);
    } catch (error) {
      this.#sendError(request, response, path, error);
    }
  }

  #route(
    request: HttpTypes.IncomingMessage,
    response: HttpTypes.ServerResponse,
    path: string,
  ): Promise<RouteAnswer | undefined> {
    const found = this.#find(request.method ?? "GET", path);
    if (found.kind === "found") return this.#handle(found.route, found.params, request, response);
    if (found.kind === "wrong-method") response.setHeader("Allow", found.allow.join(", "));
    const upgradeOnly = found.kind === "unknown" && this.#upgrades.has(path);
    if (upgradeOnly) response.setHeader("Upgrade", "darner");
    throw refusal(found.kind, request.method ?? "GET", path, upgradeOnly);
  }

  async #handle(
    route: Route,
    params: Readonly<Record<string, string>>,
    request: HttpTypes.IncomingMessage,
    response: HttpTypes.ServerResponse,
  ): Promise<RouteAnswer | undefined> {
    await this.#admit(route, request);
    const question = request.url!.indexOf("?");
    return route.handle({
      params,
      query: new URLSearchParams(question < 0 ? "" : request.url!.slice(question + 1)),
      headers: request.headers,
      json: () => readJsonBody(request, response, this.#limits.bodyBytesMax),
      raw: request,
      response,
    });
  }

  #send(response: HttpTypes.ServerResponse, answer: RouteAnswer): void {
    if (response.headersSent || response.destroyed) return;
    response.setTimeout(this.#limits.answerIdleMs);
    if (this.#closing) response.shouldKeepAlive = false;
    if (answer.json === undefined && answer.text === undefined) {
      response.writeHead(answer.status).end();
      return;
    }
    const isJson = answer.json !== undefined;
    const body = Buffer.from(isJson ? `${JSON.stringify(answer.json)}\n` : answer.text!);
    const contentType = answer.contentType ?? (isJson ? "application/json" : "text/plain; charset=utf-8");
    response.writeHead(answer.status, { "Content-Type": contentType, "Content-Length": body.length }).end(body);
  }

  #sendError(
    request: HttpTypes.IncomingMessage,
    response: HttpTypes.ServerResponse,
    path: string,
    thrown: unknown,
  ): void {
    const error = asDarnerError(thrown);
    const status = httpStatusOf(error);
    // Whoever asked is gone, or this process ends: nothing failed here.
    if (status >= 500 && error.code !== "interrupted") {
      const facts = { method: request.method, path, status, code: error.code, error: error.message };
      const stack = error.code === "internal" && thrown instanceof Error ? { stack: thrown.stack } : {};
      this.#log.warn("http.failed", { ...facts, ...stack });
    }
    // An answer under way cannot take its status back; cutting it is the only sign left.
    if (response.headersSent) response.destroy();
    else {
      if (typeof error.retry === "object") response.setHeader("Retry-After", Math.ceil(error.retry.afterMs / 1000));
      this.#send(response, { status, json: { error: errorToWire(error) } });
    }
  }
}

export function createNodeHttpServer(
  options: HttpServerOptions,
  log: Log,
  limits: HttpLimits = httpLimits,
): HttpServer {
  return new NodeHttpServer(options, log, limits);
}

/** What the port answers, for people, and for the test that walks all of it. */
function listOf({ routes, upgrades }: HttpServerOptions): Route {
  const known = routes.map(({ method, path, access, doc }) => ({ method, path, access, doc }));
  const upgraded = upgrades.map(({ path, access, doc }) => ({ method: "UPGRADE", path, access, doc }));
  return {
    method: "GET",
    path: "/",
    doc: "This list.",
    access: "open",
    handle: async () => ({ status: 200, json: { routes: [...known, ...upgraded] } }),
  };
}

/** Fit for a status line. */
const oneLine = (text: string): string => text.replace(/[^\x20-\x7e]+/g, " ");

function pathOf(request: HttpTypes.IncomingMessage): string {
  return request.url!.split("?", 1)[0]!;
}

function refusal(kind: RouteMatch["kind"], method: string, path: string, upgradeOnly: boolean): DarnerError {
  const refuse = (httpStatus: number, why: string): DarnerError =>
    new DarnerError("cluster.refused", `cannot answer ${method} ${path}: ${why}`, { facts: { httpStatus } });
  if (upgradeOnly) return refuse(426, "this path speaks Darner's own protocol, after an HTTP upgrade");
  if (kind === "wrong-method") return refuse(405, "the path has other methods, see the header Allow");
  if (kind === "malformed") return refuse(400, "the path has a % that encodes nothing");
  return refuse(404, "there is no such path here; GET / lists those there are");
}

/** Bytes that are no HTTP, a head that is too large, or one that came too slowly. */
function refuseClient(error: Error & { code?: string }, socket: Duplex): void {
  if (error.code === "ECONNRESET" || !socket.writable) {
    socket.destroy();
    return;
  }
  const status =
    error.code === "HPE_HEADER_OVERFLOW"
      ? "431 Request Header Fields Too Large"
      : error.code === "ERR_HTTP_REQUEST_TIMEOUT"
        ? "408 Request Timeout"
        : "400 Bad Request";
  socket.end(`HTTP/1.1 ${status}\r\nConnection: close\r\n\r\n`, () => socket.destroy());
}
