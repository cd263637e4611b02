/**
 * Why a task failed the last time, and for whom that still counts: who asks within a second hears it
 * again without a new request. What one caller may not reach, or one credential was refused, another
 * may get.
 */

import type { DarnerError } from "#base/mod.ts";
import type { TaskAsk } from "#core/protocol/mod.ts";
import { credentialOf } from "#transfer/mod.ts";

const standsMs = 1_000;

export class Failure {
  readonly error: DarnerError;
  readonly #credential: string;
  readonly #atMs: number;

  constructor(error: DarnerError, ask: TaskAsk, nowMs: number) {
    this.error = error;
    this.#credential = credentialOf(ask.headers);
    this.#atMs = nowMs;
  }

  standsFor(ask: TaskAsk, nowMs: number): boolean {
    if (nowMs - this.#atMs >= standsMs || this.error.code === "reach.refused") return false;
    const ofCredential = /^origin\.(?:unauthorized|forbidden|not-found)$/.test(this.error.code);
    return !ofCredential || this.#credential === credentialOf(ask.headers);
  }
}
