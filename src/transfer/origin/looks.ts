/**
 * Questions to origins that cost no bytes (HEAD), asked once for all who want to know the same: what a
 * tag points at, whether a credential may read a manifest.
 *
 * Invariants:
 *  1. At most one question about one URL with one credential is under way; who asks meanwhile shares it.
 *  2. A good answer is kept for as long as its next asker finds it fresh enough; a refusal (4xx) for
 *     a second, so that a crowd without the right is one question.
 *  3. An old good answer is given, marked stale, only while the origin fails (no answer, 5xx, 429):
 *     never in the place of a 401, 403 or 404.
 */

import { asDarnerError, DarnerError } from "#base/mod.ts";
import type { LookAsk, Seen } from "#core/protocol/mod.ts";
import type { Caller } from "#core/reach/mod.ts";
import type { Clock } from "#platform/machine/clock.ts";
import { sha256Hex } from "#platform/keys/digest.ts";
import { credentialOf } from "../rights/mod.ts";

const runningMax = 4096;
const keptMax = 20_000;
const refusalMs = 1000;
const staleMsMax = 24 * 60 * 60 * 1000;
const timeoutMs = 10_000;

/** Fields of an answer that are passed on. */
const passedOn = ["content-length", "content-type", "docker-content-digest", "etag", "retry-after", "www-authenticate"];

/** For whom: what one may not reach, he does not hear of either. */
export type CallersLook = LookAsk & { readonly caller?: Caller };
export type Ask = (ask: CallersLook, signal: AbortSignal) => Promise<Pick<Seen, "status" | "headers"> & Partial<Seen>>;

interface Kept {
  readonly answer: Pick<Seen, "status" | "headers">;
  readonly atMs: number;
}

export class Looks {
  readonly #clock: Clock;
  readonly #ask: Ask;
  readonly #running = new Map<string, Promise<Seen>>();
  readonly #good = new Map<string, Kept>();
  readonly #refusals = new Map<string, Kept>();

  constructor(clock: Clock, ask: Ask) {
    this.#clock = clock;
    this.#ask = ask;
  }

  /** Rejects with why the origin did not answer. */
  async look(ask: CallersLook): Promise<Seen> {
    const { accept = "" } = ask.headers;
    const key = sha256Hex(`${ask.url}\n${accept}\n${ask.caller ?? ""}\n${credentialOf(ask.headers)}`);
    const nowMs = this.#clock.nowMs();
    const good = this.#good.get(key);
    if (good !== undefined && nowMs - good.atMs <= ask.freshForMs) return seen(good, nowMs, false);
    const refusal = this.#refusals.get(key);
    if (refusal !== undefined && nowMs - refusal.atMs < refusalMs) return seen(refusal, nowMs, false);
    const running = this.#running.get(key);
    if (running !== undefined) return await running;
    if (this.#running.size >= runningMax)
      throw new DarnerError("cluster.refused", "cannot ask the origin: too many questions are under way", {
        retry: { afterMs: 1000 },
      });
    const asking = this.#question(key, ask).finally(() => this.#running.delete(key));
    this.#running.set(key, asking);
    return await asking;
  }

  async #question(key: string, ask: CallersLook): Promise<Seen> {
    try {
      const answer = await this.#ask(ask, AbortSignal.timeout(timeoutMs));
      const { status } = answer;
      if (status >= 500 || status === 429) return this.#before(key) ?? this.#keep(undefined, key, answer);
      const into = status >= 200 && status < 300 ? this.#good : this.#refusals;
      // Who lost the right, or found the tag gone, does not get an old answer later.
      if (into === this.#refusals) this.#good.delete(key);
      return this.#keep(into, key, answer);
    } catch (error) {
      const before = this.#before(key);
      if (before !== undefined) return before;
      const known = asDarnerError(error);
      throw known.code === "interrupted"
        ? new DarnerError("network.timeout", `cannot look at ${shown(ask.url)}: no answer within ${timeoutMs} ms`)
        : known;
    }
  }

  #keep(into: Map<string, Kept> | undefined, key: string, answer: Awaited<ReturnType<Ask>>): Seen {
    const nowMs = this.#clock.nowMs();
    const headers: Record<string, string> = {};
    for (const name of passedOn) if (answer.headers[name] !== undefined) headers[name] = answer.headers[name];
    const kept = { answer: { status: answer.status, headers }, atMs: nowMs - (answer.ageMs ?? 0) };
    into?.delete(key);
    into?.set(key, kept);
    if (into !== undefined && into.size > keptMax) into.delete(into.keys().next().value as string);
    return seen(kept, nowMs, answer.stale ?? false);
  }

  #before(key: string): Seen | undefined {
    const nowMs = this.#clock.nowMs();
    const good = this.#good.get(key);
    return good === undefined || nowMs - good.atMs > staleMsMax ? undefined : seen(good, nowMs, true);
  }
}

function seen({ answer, atMs }: Kept, nowMs: number, stale: boolean): Seen {
  return { ...answer, ageMs: Math.max(0, Math.round(nowMs - atMs)), stale };
}

/** For messages: a query may be a signature. */
function shown(url: string): string {
  return url.split(/[?#]/, 1)[0]!;
}
