/**
 * HTTP on the wire as a port: one GET or HEAD, one answer, its body in order. No rules live here: redirects,
 * status codes and ranges are the caller's. What fails is a DarnerError (`network.*`, `tls.*`,
 * `reach.refused`, `origin.protocol`, `origin.body-short`, `origin.body-long`).
 *
 * Each wait has a timer, TLS certificates are always verified, and a body that is not read pauses
 * its connection.
 */

import { absentNative, type Native } from "../native/calls.ts";
import type { AddressRule } from "../sockets/address-rule.ts";

export interface HttpRequest {
  /** Default GET. */
  readonly method?: "GET" | "HEAD";
  /** Without user and password. */
  readonly url: URL;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  /** What messages call the object: no credentials, no query. */
  readonly name: string;
  /** Absent: any address. */
  readonly addressRule?: AddressRule;
}

export interface HttpReply {
  readonly status: number;
  /** Names in lower case; several lines of one name joined by ", ". */
  readonly headers: Readonly<Record<string, string>>;
  /** Who answered: an IP address. */
  readonly remoteAddress: string;
  readonly body: HttpBody;
}

/** How bytes are let through while buffers are filled. */
export interface Flow {
  /** At most so many bytes in one step. */
  readonly stepBytesMax: number;
  /** So many bytes came. Nothing more is read until the promise, if there is one, has resolved. */
  passed(count: number): Promise<void> | undefined;
}

/**
 * The bytes after the head, nothing decoded but the chunked framing. To be filled from, iterated once,
 * drained or closed; until then it holds its connection.
 */
export interface HttpBody extends AsyncIterable<Uint8Array> {
  /**
   * Fills `into`, where it can straight from the system; resolves to fewer bytes only at the end. The
   * next call need not wait for this one: buffers are filled in the order of the calls.
   */
  readInto(into: Uint8Array, flow: Flow): Promise<number>;
  /** Drops the connection, unless all has come. */
  close(): void;
  /** Lets a short rest run out unseen, so that the connection can serve again; closes on a long one. */
  drain(): void;
}

export interface HttpClient {
  /** Rejects with a DarnerError. `signal` ends the request and its body. */
  get(request: HttpRequest, signal: AbortSignal): Promise<HttpReply>;
  /** Ends kept connections. */
  close(): void;
}

export interface HttpClientOptions {
  /** For a free connection, the name, TCP and TLS together. */
  readonly connectTimeoutMs: number;
  /** Without a byte: from the request to the whole head, and while a reader waits for more body. */
  readonly idleTimeoutMs: number;
  readonly headerBytesMax: number;
  readonly connectionsPerHostMax: number;
  readonly connectionsMax: number;
  /** PEM texts of authorities to trust besides the system's. */
  readonly caCertificates: readonly string[];
  /** Called for long bodies only, since loading costs a start some time. */
  readonly loadNative: () => Promise<Native>;
}

export const httpClientDefaults: HttpClientOptions = {
  connectTimeoutMs: 10_000,
  idleTimeoutMs: 30_000,
  headerBytesMax: 64 * 1024,
  connectionsPerHostMax: 64,
  connectionsMax: 256,
  caCertificates: [],
  loadNative: () => Promise.resolve(absentNative),
};
