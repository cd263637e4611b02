/** An HTTP server that takes any path, for proxies: requests as they come, and CONNECT. */

import type { IncomingMessage, ServerResponse } from "node:http";
import type { Duplex } from "node:stream";
import type { ListenAddress } from "../machine/listen-address.ts";

/** Must not reject. */
export type RequestHandler = (request: IncomingMessage, response: ServerResponse) => Promise<void>;

export interface ProxyHandlers {
  readonly request: RequestHandler;
  /** Gets the socket before anything was answered; `head` holds bytes that already came behind the request. */
  readonly connect: (request: IncomingMessage, socket: Duplex, head: Buffer) => void;
}

export interface ProxyServer {
  /** Throws `port.taken`, `listen.failed`. Returns what was bound. */
  listen(address: ListenAddress): Promise<ListenAddress>;
  /** Answers the requests that come on this connection, by this handler. */
  adopt(socket: Duplex, request: RequestHandler): void;
  /** Stops accepting, and cuts what still runs after `graceMs`. */
  close(graceMs: number): Promise<void>;
}
