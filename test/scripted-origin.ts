/** An origin without a network: a test says what it answers, and sees what it was asked. */

import { DarnerError } from "#base/mod.ts";
import type { ResponseFacts } from "#core/freshness/mod.ts";
import type { Origin, OriginAnswer, OriginHead, OriginRequest } from "#origins/mod.ts";
import { ChunkFiller } from "#platform/http-client/chunk-filler.ts";

export interface ScriptedObject {
  readonly content: Uint8Array;
  readonly etag?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** The origin tells no length and knows no ranges. */
  readonly chunked?: boolean;
  /** The connection breaks after so many bytes of the body. */
  readonly cutAt?: number;
  readonly chunkBytes?: number;
  readonly wallMs?: number;
  /** It comes from an address of the fetcher's own machine. */
  readonly nearOnly?: boolean;
  /** Each chunk of the body waits for this. */
  readonly pace?: () => Promise<void>;
}

export class ScriptedOrigin implements Origin {
  readonly asked: OriginRequest[] = [];
  bytesSent = 0;
  bodiesClosed = 0;
  readonly #serve: (request: OriginRequest, number: number) => ScriptedObject | Promise<ScriptedObject>;

  /** `serve` may wait, or throw what the origin fails with; `number` counts the requests from 0. */
  constructor(serve: (request: OriginRequest, number: number) => ScriptedObject | Promise<ScriptedObject>) {
    this.#serve = serve;
  }

  async open(request: OriginRequest, signal: AbortSignal): Promise<OriginAnswer> {
    this.asked.push(request);
    const object = await this.#serve(request, this.asked.length - 1);
    const { content, etag, wallMs = 0 } = object;
    const ranges = object.chunked === true ? {} : { "accept-ranges": "bytes" };
    const headers = { ...ranges, ...(etag === undefined ? {} : { etag }), ...object.headers };
    const facts: ResponseFacts = {
      status: 200,
      url: request.url,
      headers,
      requestedAtMs: wallMs,
      answeredAtMs: wallMs,
      ...(object.nearOnly === true ? { nearOnly: true } : {}),
    };
    if (etag !== undefined && request.unless?.etag === etag)
      return { kind: "not-modified", facts: { ...facts, status: 304 } };
    const partial =
      request.range !== undefined && object.chunked !== true && [undefined, etag].includes(request.ifRange);
    const start = partial ? request.range.start : 0;
    const end = partial ? Math.min(request.range.end ?? content.length, content.length) : content.length;
    const chunks = this.#chunks(object, start, end, signal);
    let filler: ChunkFiller | undefined;
    return {
      kind: "body",
      facts: partial ? { ...facts, status: 206 } : facts,
      start,
      lengthBytes: object.chunked === true ? undefined : content.length,
      body: {
        readInto: (into, flow) => (filler ??= new ChunkFiller(chunks)).readInto(into, flow),
        [Symbol.asyncIterator]: () => chunks,
        close: () => void this.bodiesClosed++,
      },
    };
  }

  async look(request: OriginRequest): Promise<OriginHead> {
    this.asked.push(request);
    const { content, etag, headers } = await this.#serve(request, this.asked.length - 1);
    const told = { ...(etag === undefined ? {} : { etag }), ...headers };
    return { status: 200, headers: { "content-length": String(content.length), ...told } };
  }

  async *#chunks(object: ScriptedObject, start: number, end: number, signal: AbortSignal): AsyncGenerator<Uint8Array> {
    const { content, cutAt = Infinity, chunkBytes = 1000 } = object;
    for (let at = start; at < end; at += chunkBytes) {
      await object.pace?.();
      if (signal.aborted) throw new DarnerError("interrupted", "stopped");
      const chunk = content.slice(at, Math.min(at + chunkBytes, end, start + cutAt));
      this.bytesSent += chunk.length;
      if (chunk.length > 0) yield chunk;
      if (at + chunkBytes - start > cutAt) throw new DarnerError("network.broken", "cut", { retry: "now" });
    }
  }
}
