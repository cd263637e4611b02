/**
 * Where objects come from. An origin answers one question: open this object, from here to there,
 * unless it is still the version I hold. Redirects, TLS and status codes are its affair;
 * what it cannot give it says with a DarnerError whose code and retry say all that the caller needs.
 */

import type { ResponseFacts } from "#core/freshness/mod.ts";
import type { Flow } from "#platform/http-client/client.ts";
import type { Caller } from "#core/reach/mod.ts";

export interface OriginRequest {
  /** User and password in it become credentials. */
  readonly url: string;
  /**
   * Sent as they are, except those that frame or condition the request (Range, If-*, Accept-Encoding).
   * Those that may be credentials (core/model/request-fields.ts) are dropped on a redirect to another origin.
   */
  readonly headers?: Readonly<Record<string, string>>;
  /** First byte, and the byte after the last one (absent: to the end). Absent altogether: a plain GET. */
  readonly range?: { readonly start: number; readonly end?: number };
  /** With `range`: ask for it only while the object has this strong validator (If-Range). */
  readonly ifRange?: string;
  /** Ask "has it changed?" (If-None-Match / If-Modified-Since). */
  readonly unless?: { readonly etag?: string; readonly lastModified?: string };
  /** For whom the reach policy is asked; absent: for a caller from afar. */
  readonly caller?: Caller;
}

export type OriginAnswer =
  | { readonly kind: "not-modified"; readonly facts: ResponseFacts }
  | {
      readonly kind: "body";
      readonly facts: ResponseFacts;
      /** Where the body starts in the object: 0, or the range's start when the origin honoured it. */
      readonly start: number;
      /** Length of the whole object, or undefined when the origin does not tell. */
      readonly lengthBytes: number | undefined;
      readonly body: OriginBody;
    };

/**
 * The bytes, in order. Iterating yields chunks that are the caller's to keep; it ends only when the
 * announced number of bytes has come, else it throws (`origin.body-short`, `origin.body-long`,
 * `network.broken`, `network.timeout`, `interrupted`); what was yielded before is good to keep, and a
 * range that the origin answered only in part ends with `origin.body-short`. To be iterated once or
 * closed: until then it holds its connection. Not pulling pauses the origin. Leaving the loop early,
 * or `close`, drops the connection.
 */
export interface OriginBody extends AsyncIterable<Uint8Array> {
  /** Instead of iterating: fills buffers in order, as `HttpBody.readInto` does; fails where iterating would. */
  readInto(into: Uint8Array, flow: Flow): Promise<number>;
  close(): void;
}

/** What the origin says of an object without sending it; any status, redirects followed. */
export interface OriginHead {
  readonly status: number;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
}

export interface Origin {
  /** Rejects with a DarnerError. `signal` ends the request and its body. */
  open(request: OriginRequest, signal: AbortSignal): Promise<OriginAnswer>;
  /** One HEAD. Rejects with a DarnerError when there is no answer. */
  look(request: Pick<OriginRequest, "url" | "headers" | "caller">, signal: AbortSignal): Promise<OriginHead>;
}
