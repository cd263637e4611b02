/**
 * The gate before content that somebody's credential was needed for: who asks for it by digest shows,
 * with a credential of his own, that the registry would give it to him (core/image/read-rights).
 */

import { DarnerError } from "#base/mod.ts";
import {
  credentialEndsMs,
  readManifest,
  readRegistryPath,
  ReadRights,
  rightMsMax,
  type ImageManifest,
  type Reader,
} from "#core/image/mod.ts";
import type { Seen } from "#core/protocol/mod.ts";
import type { Caller } from "#core/reach/mod.ts";
import type { Clock } from "#platform/machine/clock.ts";
import { credentialOf } from "../rights/mod.ts";
import type { CallersLook, Looks } from "./looks.ts";

export interface ReadAsk {
  /** Where the registry has it, by digest. */
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly digest: string;
}

/** The bytes of a manifest, when they are at hand and proved; asks nobody. */
export type HeldManifest = (digest: string) => Promise<Uint8Array | undefined>;

const depthMax = 3;

export class ReadGate {
  readonly #clock: Clock;
  readonly #looks: Looks;
  readonly #held: HeldManifest;
  readonly #rights = new ReadRights();

  constructor(clock: Clock, looks: Looks, held: HeldManifest) {
    this.#clock = clock;
    this.#looks = looks;
    this.#held = held;
  }

  /** A look that remembers which right it proves. */
  async look(ask: CallersLook): Promise<Seen> {
    const seen = await this.#looks.look(ask);
    const digest = seen.headers["docker-content-digest"];
    if (provesRight(seen, ask) && digest !== undefined) this.#prove(ask, digest);
    return seen;
  }

  /** The manifest of this digest was read: what it names inherits the right to it. */
  learn(digest: string, manifest: ImageManifest): void {
    this.#rights.learn(digest, manifest);
  }

  /** Undefined when the asker may read it, else what the registry says to him. */
  async refusal(ask: ReadAsk, caller?: Caller): Promise<Seen | undefined> {
    const { url, headers, digest } = ask;
    const reader = readerOf(ask);
    if (this.#mayRead(reader, digest)) return undefined;
    for (let depth = 0; depth < depthMax && (await this.#study(reader)); depth++);
    if (this.#mayRead(reader, digest)) return undefined;
    const seen = await this.#looks.look({
      url,
      headers,
      freshForMs: rightMsMax,
      ...(caller === undefined ? {} : { caller }),
    });
    if (!provesRight(seen, ask)) return seen;
    this.#prove(ask, digest);
    return undefined;
  }

  /** Until when a right of this asker lasts that `refusal` has just found; now when it has none. */
  rightEndsMs(ask: ReadAsk): number {
    return this.#rights.endsMs(readerOf(ask)) ?? this.#clock.nowMs();
  }

  /** Throws `origin.unauthorized` or another word of the registry, unless the asker may read it. */
  async assertMayRead(ask: ReadAsk, caller: Caller): Promise<void> {
    const seen = await this.refusal(ask, caller);
    if (seen === undefined) return;
    const { status } = seen;
    const code = status === 401 ? "origin.unauthorized" : status === 404 ? "origin.not-found" : "origin.forbidden";
    const name = ask.url.split(/[?#]/, 1)[0]!;
    throw new DarnerError(code, `cannot give ${name}: its registry answers ${status} to this credential`);
  }

  #mayRead(reader: Reader, digest: string): boolean {
    return this.#rights.mayRead(reader, digest, this.#clock.nowMs());
  }

  #prove(ask: Pick<ReadAsk, "url" | "headers">, digest: string): void {
    const nowMs = this.#clock.nowMs();
    const endsMs = nowMs + credentialEndsMs(ask.headers["authorization"]) - this.#clock.wallMs();
    this.#rights.prove(readerOf(ask), digest, nowMs, endsMs);
  }

  /** Reads what is at hand of the manifests that the reader may read; false when there was nothing new. */
  async #study(reader: Reader): Promise<boolean> {
    let news = false;
    for (const digest of this.#rights.unread(reader, this.#clock.nowMs())) {
      const bytes = await this.#held(digest);
      const manifest = bytes === undefined ? undefined : readManifest(bytes);
      if (manifest === undefined) continue;
      this.#rights.learn(digest, manifest);
      news = true;
    }
    return news;
  }
}

/** What a registry that fails now said before proves no credential's right; what was for everybody still is. */
function provesRight({ status, stale }: Seen, { headers }: Pick<ReadAsk, "headers">): boolean {
  return status >= 200 && status < 300 && (!stale || credentialOf(headers) === "");
}

function readerOf({ url, headers }: Pick<ReadAsk, "url" | "headers">): Reader {
  const { origin, pathname } = new URL(url);
  const path = readRegistryPath(pathname);
  return {
    base: origin,
    repository: "repository" in path ? path.repository : pathname,
    credential: credentialOf(headers),
  };
}
