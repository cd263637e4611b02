/**
 * What engines ask for when they pull: the manifest of a tag, a manifest by digest, a blob. Each answer
 * says which way it was given; no answer means that the registry itself is to be asked.
 */

import { asDarnerError, DarnerError } from "#base/mod.ts";
import { accepts, manifestAccept, manifestBytesMax, manifestPath, placeOf, readRegistryPath } from "#core/image/mod.ts";
import type { LookAsk, Seen } from "#core/protocol/mod.ts";
import { sleep, type Clock } from "#platform/machine/clock.ts";
import { drained } from "#platform/http-server/stream.ts";
import type { Log } from "#platform/telemetry/log.ts";
import { Looks, ReadGate } from "#transfer/mod.ts";
import { readRange, readRanges, spanWithin, type RangeWish, type Span } from "./byte-range.ts";
import { contentStream, withPatience, type HeardContent, type StreamParts } from "./content-stream.ts";
import type { ContentAsk, ImageHost } from "./image-host.ts";
import type { Exchange } from "./image-proxy.ts";
import { ManifestMemory, type KeptManifest } from "./manifest-memory.ts";
import { Multipart } from "./multipart.ts";
import { RecentAnswers } from "./recent-answers.ts";
import { answerChallenge, contentHeaders, type ContentHead } from "./registry-answer.ts";

/** What gave an answer. "look": what the registry told the cluster of a tag. */
export type Way = "swarm" | "memory" | "look" | "upstream" | "failed";

/** For one answer: until when its client is there. */
type PullParts = Omit<StreamParts, "onRescue">;

const lookTriesMax = 3;
const lookWaitMsMax = 2_000;

export interface PullsOptions {
  readonly clock: Clock;
  readonly log: Log;
  readonly host: ImageHost;
  readonly tagTtlMs: () => number;
}

export class Pulls {
  readonly #options: PullsOptions;
  readonly #manifests = new ManifestMemory();
  readonly #recent = new RecentAnswers();
  readonly #gate: ReadGate;

  constructor(options: PullsOptions) {
    this.#options = options;
    const { clock, host } = options;
    const held = async (digest: string): Promise<Uint8Array | undefined> => this.#manifests.get(digest)?.bytes;
    this.#gate = new ReadGate(clock, new Looks(clock, (ask) => host.look(ask)), held);
  }

  /** Whether it was answered with what was given to the same request a moment ago. */
  again(exchange: Exchange): boolean {
    return this.#recent.giveAgain(exchange, exchange.response, this.#options.clock.nowMs());
  }

  /** Undefined: nothing was written, the registry is to be asked. */
  async answer(exchange: Exchange): Promise<Way | undefined> {
    const { request, target } = exchange;
    const path = readRegistryPath(target.pathname);
    const reads = request.method === "GET" || (request.method === "HEAD" && path.kind === "tag");
    if (!reads || target.search !== "") return undefined;
    switch (path.kind) {
      case "tag":
        return await this.#answerTag(exchange, path.repository);
      case "manifest":
        return await this.#answerManifest(exchange, path.digest, undefined);
      case "blob":
        return await this.#answerBlob(exchange, path.digest);
      default:
        return undefined;
    }
  }

  async #answerTag(exchange: Exchange, repository: string): Promise<Way | undefined> {
    const { request, response, target, upstream } = exchange;
    const headers = { ...credential(exchange), accept: manifestAccept };
    const ask = { url: target.href, headers, freshForMs: this.#options.tagTtlMs() };
    const seen = await this.#lookPatiently(ask);
    if (seen?.status === 401) return answered(answerChallenge(response, seen), "look");
    const head = seen === undefined ? undefined : headOf(seen);
    if (head === undefined || !accepts(request.headers.accept, head.mediaType)) return undefined;
    if (seen?.stale === true)
      response.setHeader("warning", '299 - "the registry does not answer; this is what it said before"');
    if (request.method === "HEAD") return answered(response.writeHead(200, contentHeaders(head)).end(), "look");
    const byDigest = new URL(manifestPath(repository, head.digest), upstream.base);
    return await this.#answerManifest({ ...exchange, target: byDigest }, head.digest, head.mediaType);
  }

  /** A registry that asks to come back is asked again, a few times, while the client waits. */
  async #lookPatiently(ask: LookAsk): Promise<Seen | undefined> {
    for (let tries = 1; ; tries++) {
      const seen = await this.#gate.look(ask).catch(() => undefined);
      if (seen?.status !== 429 || tries === lookTriesMax) return seen;
      const toldMs = Number(seen.headers["retry-after"] ?? 1) * 1000;
      await sleep(this.#options.clock, Math.min(Number.isFinite(toldMs) ? toldMs : 1000, lookWaitMsMax));
    }
  }

  async #answerManifest(exchange: Exchange, digest: string, told: string | undefined): Promise<Way | undefined> {
    const { request, response, target } = exchange;
    const headers = { ...credential(exchange), accept: manifestAccept };
    const ask = { url: target.href, headers, digest };
    const refusal = await this.#gate.refusal(ask).catch(() => unanswered);
    if (refusal !== undefined) return this.#refuse(exchange, refusal);
    const known = this.#manifests.from(digest, placeOf(target.href));
    const kept = known ?? (await this.#readManifest(this.#parts(exchange), ask));
    if (kept === undefined) return undefined;
    this.#gate.learn(digest, kept.manifest);
    const mediaType = told ?? kept.manifest.mediaType;
    if (!accepts(request.headers.accept, mediaType)) return undefined;
    const { bytes } = kept;
    const span = spanWithin(rangeOf(exchange), bytes.length);
    if (span === undefined) return undefined;
    const head = { digest, mediaType, lengthBytes: bytes.length };
    writeHead(exchange, head, span, bytes.length);
    response.end(bytes.subarray(span.start, span.end));
    if (told === undefined) {
      const nowMs = this.#options.clock.nowMs();
      const answer = { headers: contentHeaders(head), bytes, untilMs: this.#gate.rightEndsMs(ask) };
      this.#recent.keep(exchange, answer, nowMs);
    }
    return known === undefined ? "swarm" : "memory";
  }

  /** Undefined when it cannot be had through the swarm, or is no manifest. */
  async #readManifest(parts: PullParts, ask: ContentAsk): Promise<KeptManifest | undefined> {
    const content = await this.#open(parts, ask);
    if (content === undefined) return undefined;
    const chunks: Uint8Array[] = [];
    let lengthBytes = 0;
    try {
      for (;;) {
        const next = await withPatience(parts, content.bytes.next(), content.heardMs);
        if (next.done === true) break;
        chunks.push(next.value);
        lengthBytes += next.value.length;
        if (lengthBytes > manifestBytesMax) return undefined;
      }
      return this.#manifests.add(ask.digest, Buffer.concat(chunks), placeOf(ask.url));
    } catch (error) {
      this.#log("image.not-from-swarm", ask, error);
      return undefined;
    } finally {
      void content.bytes.return?.().catch(() => undefined);
    }
  }

  async #answerBlob(exchange: Exchange, digest: string): Promise<Way | undefined> {
    const { target } = exchange;
    const ask = { url: target.href, headers: credential(exchange), digest };
    const refusal = await this.#gate.refusal(ask).catch(() => unanswered);
    if (refusal !== undefined) return this.#refuse(exchange, refusal);
    const several = rangesOf(exchange);
    if (several !== undefined) return await this.#answerRanges(exchange, ask, several);
    const parts = this.#blobParts(exchange, ask);
    const wish = rangeOf(exchange);
    const range = await this.#rangeFor(parts, ask, wish);
    const content = await this.#open(parts, range === undefined ? ask : { ...ask, range });
    const lengthBytes = content?.lengthBytes;
    // Without a length no range can be named; the registry's own answer is as good.
    const span = lengthBytes === undefined ? undefined : spanWithin(wish, lengthBytes);
    if (content === undefined || lengthBytes === undefined || span === undefined) {
      void content?.bytes.return?.().catch(() => undefined);
      return undefined;
    }
    writeHead(exchange, { digest, mediaType: "application/octet-stream", lengthBytes }, span, lengthBytes);
    await send(exchange, contentStream(parts, content, { ...ask, range: span }, span, lengthBytes));
    return "swarm";
  }

  async #answerRanges(exchange: Exchange, ask: ContentAsk, wishes: readonly RangeWish[]): Promise<Way | undefined> {
    const parts = this.#blobParts(exchange, ask);
    const lengthBytes = await this.#lengthOf(parts, ask);
    if (lengthBytes === undefined) return undefined;
    const spans = wishes.map((wish) => spanWithin(wish, lengthBytes)).filter((span) => span !== undefined);
    const wishedBytes = spans.reduce((sum, { start, end }) => sum + end - start, 0);
    // More than the whole in pieces is no saving; the registry may refuse, or give it all.
    if (spans.length === 0 || wishedBytes > lengthBytes) return undefined;
    const multipart = new Multipart(spans, lengthBytes);
    const head = contentHeaders({ digest: ask.digest, mediaType: "", lengthBytes });
    exchange.response.writeHead(206, { ...head, ...multipart.headers });
    await send(exchange, this.#ranges(parts, ask, spans, lengthBytes, multipart));
    return "swarm";
  }

  async *#ranges(
    parts: StreamParts,
    ask: ContentAsk,
    spans: readonly Span[],
    lengthBytes: number,
    multipart: Multipart,
  ): AsyncGenerator<Uint8Array> {
    for (const span of spans) {
      yield multipart.opening(span);
      const part = { ...ask, range: span };
      const content = await this.#open(parts, part);
      if (content === undefined) throw new DarnerError("cluster.stalled", `cannot go on with ${ask.digest}`);
      yield* contentStream(parts, content, part, span, lengthBytes);
    }
    yield multipart.end;
  }

  /** What to open for the wish; the last bytes can be named only by who knows the length. */
  async #rangeFor(parts: PullParts, ask: ContentAsk, wish: RangeWish): Promise<ContentAsk["range"]> {
    if (wish.kind === "whole") return undefined;
    if (wish.kind === "part")
      return wish.end === undefined ? { start: wish.start } : { start: wish.start, end: wish.end };
    const lengthBytes = await this.#lengthOf(parts, ask);
    return lengthBytes === undefined ? undefined : spanWithin(wish, lengthBytes);
  }

  async #lengthOf(parts: PullParts, ask: ContentAsk): Promise<number | undefined> {
    const first = await this.#open(parts, { ...ask, range: { start: 0, end: 1 } });
    void first?.bytes.return?.().catch(() => undefined);
    return first?.lengthBytes;
  }

  async #open(parts: PullParts, ask: ContentAsk): Promise<HeardContent | undefined> {
    const giveUp = new AbortController();
    const signal = AbortSignal.any([parts.signal, giveUp.signal]);
    try {
      const { opened, heardMs } = this.#options.host.open(ask, signal);
      return { ...(await withPatience(parts, opened, heardMs)), heardMs };
    } catch (error) {
      giveUp.abort();
      this.#log("image.not-from-swarm", ask, error);
      return undefined;
    }
  }

  /** The client's own word from the registry; only what many ask at once is answered for it. */
  #refuse({ response }: Exchange, seen: Seen): Way | undefined {
    return seen.status === 401 ? answered(answerChallenge(response, seen), "look") : undefined;
  }

  #blobParts(exchange: Exchange, { url }: ContentAsk): StreamParts {
    const onRescue = (reason: string): void => this.#options.log.warn("image.rescued", { url, reason });
    return { ...this.#parts(exchange), onRescue };
  }

  #parts({ response }: Exchange): PullParts {
    const gone = new AbortController();
    response.once("close", () => gone.abort(new DarnerError("interrupted", "the client went away")));
    const { clock, host } = this.#options;
    return { clock, host, signal: gone.signal };
  }

  #log(event: string, ask: ContentAsk, error: unknown): void {
    const { code, message } = asDarnerError(error);
    this.#options.log.info(event, { url: ask.url, code, message });
  }
}

/** Stands for a registry that did not say who may read: the client asks it himself. */
const unanswered: Seen = { status: 0, headers: {}, ageMs: 0, stale: false };

function answered(_written: unknown, way: Way): Way {
  return way;
}

function credential({ authorization }: Exchange): Record<string, string> {
  return authorization === undefined ? {} : { authorization };
}

/** What the registry says of a tag; undefined when that does not name the content. */
function headOf({ status, headers }: Seen): ContentHead | undefined {
  const digest = headers["docker-content-digest"];
  const mediaType = headers["content-type"];
  const lengthBytes = Number(headers["content-length"]);
  if (status !== 200 || digest === undefined || mediaType === undefined) return undefined;
  const named = readRegistryPath(manifestPath("any", digest)).kind === "manifest";
  return named && Number.isSafeInteger(lengthBytes) ? { digest, mediaType, lengthBytes } : undefined;
}

/** A part is asked for only of the version that the client means. */
function rangeOf({ request }: Exchange): RangeWish {
  return request.headers["if-range"] === undefined ? readRange(request.headers.range) : { kind: "whole" };
}

function rangesOf({ request }: Exchange): readonly RangeWish[] | undefined {
  return request.headers["if-range"] === undefined ? readRanges(request.headers.range) : undefined;
}

function writeHead(
  { request, response }: Exchange,
  head: ContentHead,
  span: { start: number; end: number },
  of: number,
): void {
  const whole = readRange(request.headers.range).kind === "whole" || request.headers["if-range"] !== undefined;
  const headers = contentHeaders({ ...head, lengthBytes: span.end - span.start });
  if (whole) response.writeHead(200, headers);
  else response.writeHead(206, { ...headers, "content-range": `bytes ${span.start}-${span.end - 1}/${of}` });
}

async function send({ response }: Exchange, bytes: AsyncIterable<Uint8Array>): Promise<void> {
  for await (const chunk of bytes) {
    if (!response.write(chunk)) await drained(response);
    if (response.destroyed) return;
  }
  response.end();
}
