/**
 * The daemon's downloads for the image proxy: content by digest as a stream of verified bytes, and
 * questions to registries through the manager, or straight where none answers.
 */

import { DarnerError } from "#base/mod.ts";
import { contentAsk } from "#core/image/mod.ts";
import type { LookAsk, Seen } from "#core/protocol/mod.ts";
import type { Origin } from "#origins/mod.ts";
import type { Clock } from "#platform/machine/clock.ts";
import { Limiter, shown } from "#transfer/mod.ts";
import { shareOfBudget } from "../tasks/mod.ts";
import { openObject } from "./read-object.ts";
import type { HostDaemon } from "../service.ts";

export interface ContentWish {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly digest: string;
  readonly range?: { readonly start: number; readonly end?: number };
}

interface OpenedContent {
  readonly lengthBytes: number | undefined;
  readonly bytes: AsyncIterator<Uint8Array>;
}

interface OpeningContent {
  readonly opened: Promise<OpenedContent>;
  readonly heardMs: () => number;
}

export interface ImageContentParts {
  readonly clock: Clock;
  readonly daemon: HostDaemon;
  readonly origin: Origin;
  /** For all hosts together, while the cluster does not help. */
  readonly originBudgetBytesPerSecond: () => number;
}

export class ImageContent {
  readonly #parts: ImageContentParts;

  /** What comes straight from registries: a thousand hosts whose manager hangs are not to be a stampede. */
  readonly #straight: Limiter;

  constructor(parts: ImageContentParts) {
    this.#parts = parts;
    this.#straight = new Limiter(parts.clock, Infinity);
  }

  get managed(): boolean {
    return this.#parts.daemon.managerConnected;
  }

  async look(ask: LookAsk): Promise<Seen> {
    const { daemon, origin } = this.#parts;
    try {
      if (daemon.manager !== undefined) return await daemon.manager.look(ask);
    } catch (error) {
      if (!(error instanceof DarnerError) || error.code !== "cluster.unreachable") throw error;
    }
    // Whoever asks this proxy is on its machine.
    const { status, headers } = await origin.look({ ...ask, caller: "near" }, AbortSignal.timeout(10_000));
    return { status, headers, ageMs: 0, stale: false };
  }

  open({ url, headers, digest, range }: ContentWish, signal: AbortSignal): OpeningContent {
    const ask = { ...contentAsk(url, headers, digest), ...(range === undefined ? {} : { range }) };
    const { opened, heardMs } = openObject(this.#parts.daemon, ask, signal);
    const content = opened.then(({ lengthBytes, bytes }) => ({ lengthBytes, bytes: bytes[Symbol.asyncIterator]() }));
    return { opened: content, heardMs };
  }

  async *fetch(
    { url, headers }: Pick<ContentWish, "url" | "headers">,
    start: number,
    signal: AbortSignal,
  ): AsyncGenerator<Uint8Array> {
    const { manager } = this.#parts.daemon;
    const budget = manager === undefined ? Infinity : this.#parts.originBudgetBytesPerSecond();
    this.#straight.setRate(shareOfBudget(budget, manager?.hostsKnown ?? 1));
    const range = start === 0 ? {} : { range: { start } };
    const answer = await this.#parts.origin.open({ url, headers, ...range, caller: "near" }, signal);
    if (answer.kind !== "body") throw new DarnerError("origin.protocol", `cannot get ${shown(url)}: it sent no body`);
    let skip = start - answer.start;
    for await (const chunk of answer.body) {
      this.#straight.charge(chunk.length);
      while (this.#straight.blocked) await this.#straight.ready();
      if (skip < chunk.length) yield chunk.subarray(skip);
      skip = Math.max(0, skip - chunk.length);
    }
  }
}
