/**
 * A role's one port as a port: HTTP/1.1 routes for people and programs, and upgrades to the framed
 * protocol for Darner's own processes. Routes are data, so that a test can walk all of them.
 */

import type { IncomingMessage, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import type { JoinableRole, Scope } from "#core/model/mod.ts";
import type { Identity } from "../keys/identity.ts";
import type { ListenAddress } from "../machine/listen-address.ts";

export interface RouteRequest {
  /** Values of the `:name` parts of the path. */
  readonly params: Readonly<Record<string, string>>;
  readonly query: URLSearchParams;
  readonly headers: IncomingMessage["headers"];
  /** The body as JSON, at most 1 MiB; throws `cluster.refused` when it is none. */
  json(): Promise<unknown>;
  readonly raw: IncomingMessage;
  /** For answers that stream; a handler that wrote here returns undefined. */
  readonly response: ServerResponse;
}

export interface RouteAnswer {
  readonly status: number;
  /** Sent as JSON. */
  readonly json?: unknown;
  /** Sent as it is, with `contentType` (default text/plain). */
  readonly text?: string;
  readonly contentType?: string;
}

/** A member of the cluster by the role in its certificate, or an operator by the scope of a token. */
export type Right = JoinableRole | Scope;

/**
 * Who may call a route: anybody (it changes nothing and tells nothing private), whoever has one of these
 * rights, or who brings a credential of another kind, which the handler itself asks for first.
 */
export type RouteAccess = "open" | "own-credential" | readonly [Right, ...Right[]];

export interface Route {
  readonly method: "GET" | "POST" | "PUT" | "DELETE";
  /** `/v1/managers/:id`. */
  readonly path: string;
  readonly doc: string;
  readonly access: RouteAccess;
  /** A thrown DarnerError is answered as `{error: {code, message, retry}}` with a fitting status. */
  handle(request: RouteRequest): Promise<RouteAnswer | undefined>;
}

export interface UpgradeRoute {
  readonly path: string;
  readonly doc: string;
  readonly access: RouteAccess;
  /** Gets the socket before anything was answered; `head` holds bytes that already came behind the request. */
  handle(request: IncomingMessage, socket: Socket, head: Buffer): void;
}

export interface HttpServer {
  /** Opens one more address; throws `port.taken`, `listen.failed`. Returns what was bound. */
  listen(address: ListenAddress): Promise<ListenAddress>;
  /** Stops accepting, ends idle connections, waits at most `graceMs` for running answers, then cuts them. */
  close(graceMs: number): Promise<void>;
}

/** Resolves when the caller may; else rejects with the refusal, `trust.credential` or `trust.right`. */
export type Admission = (
  route: { readonly method: Route["method"] | "UPGRADE"; readonly path: string; readonly access: RouteAccess },
  request: IncomingMessage,
) => Promise<void>;

export interface HttpServerOptions {
  /** Asked before any handler runs. */
  readonly admit: Admission;
  readonly routes: readonly Route[];
  readonly upgrades: readonly UpgradeRoute[];
  /** With one, TCP addresses speak TLS too. */
  readonly identity?: Identity | undefined;
}
