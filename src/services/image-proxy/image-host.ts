/** What the proxy needs of the host that it runs on: questions to registries, and content by digest. */

import type { LookAsk, Seen } from "#core/protocol/mod.ts";

export interface ContentAsk {
  /** Where the registry has it. */
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  /** `sha256:HEX` or `sha512:HEX`. */
  readonly digest: string;
  /** Only these bytes; absent: all, the last of them held back until the digest is proved. */
  readonly range?: { readonly start: number; readonly end?: number };
}

export interface Content {
  /** Of the whole object; undefined while nobody knows. */
  readonly lengthBytes: number | undefined;
  /** The verified bytes in order. Rejects with why no more will come; `return` when nobody reads on. */
  readonly bytes: AsyncIterator<Uint8Array>;
}

/** Content that is being opened. */
export interface Opening {
  /** Resolves when the object has begun; rejects with why it will not. */
  readonly opened: Promise<Content>;
  /** When something of it last came, or the cluster said that it is at work on it, by the proxy's clock. */
  readonly heardMs: () => number;
}

export interface ImageHost {
  /** A HEAD, asked once per cluster. */
  look(ask: LookAsk): Promise<Seen>;
  /** Through the swarm. */
  open(ask: ContentAsk, signal: AbortSignal): Opening;
  /** Straight from the registry, from this byte on, unproved. Redirects are followed. */
  fetch(ask: Pick<ContentAsk, "url" | "headers">, start: number, signal: AbortSignal): AsyncIterable<Uint8Array>;
  /** Whether a manager answers now. */
  readonly managed: boolean;
}
