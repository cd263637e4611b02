/**
 * Passing a request on to another server as it came, and its answer back as it comes: for what a proxy
 * has no part in. No redirect is followed, no body decoded, nothing kept.
 */

import type { IncomingMessage, ServerResponse } from "node:http";

export interface RelayTarget {
  /** Scheme, host, port, path and query. */
  readonly url: URL;
  /** Replace the request's own (names in lower case); undefined removes one. */
  readonly headers?: Readonly<Record<string, string | undefined>>;
  /** Statuses that the client is told in another's place. */
  readonly statuses?: Readonly<Record<number, number>>;
  /** What messages call it: no credentials, no query. */
  readonly name: string;
}

export interface Relay {
  /**
   * Resolves when the answer was given, whatever it says; an answer that breaks off breaks off there
   * too. Rejects with a DarnerError when no answer came: nothing was written then.
   */
  pass(request: IncomingMessage, response: ServerResponse, target: RelayTarget): Promise<void>;
  close(): void;
}
