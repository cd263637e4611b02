/**
 * Why a task failed the last time, and for whom that still counts: who asks within a second hears it
 * again without a new request. What one caller may not reach, one credential or address was refused, or
 * one server did not give, another may get.
 */

import type { DarnerError } from "#base/mod.ts";
import type { TaskAsk } from "#core/protocol/mod.ts";
import type { Caller } from "#core/reach/mod.ts";
import { isSameAsker } from "../hosts/mod.ts";

const standsMs = 1_000;

/** Who asks, and for what. */
interface Asker {
  readonly ask: TaskAsk;
  readonly host: { readonly caller: Caller };
}

export class Failure {
  readonly error: DarnerError;
  readonly #ask: TaskAsk;
  readonly #caller: Caller;
  readonly #atMs: number;

  constructor(error: DarnerError, ask: TaskAsk, caller: Caller, nowMs: number) {
    this.error = error;
    this.#ask = ask;
    this.#caller = caller;
    this.#atMs = nowMs;
  }

  standsFor(ask: TaskAsk, nowMs: number): boolean {
    if (nowMs - this.#atMs >= standsMs || this.error.code === "reach.refused") return false;
    const ofAsker = /^origin\.(?:unauthorized|forbidden|not-found)$/.test(this.error.code);
    return ofAsker ? isSameAsker(this.#ask, ask) : new URL(this.#ask.url).host === new URL(ask.url).host;
  }

  /** As `standsFor`, of who waited for it: whoever asked in the same way can hope for nothing else. */
  concerns({ ask, host }: Asker, nowMs: number): boolean {
    const isSame = isSameAsker(this.#ask, ask) && this.#caller === host.caller;
    return isSame || this.standsFor(ask, nowMs);
  }
}
