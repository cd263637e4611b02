/**
 * Manifests by digest that were given a moment ago, ready to be given again to who asks just the same:
 * from the same address, with the same credential and the same Accept. A crowd behind one proxy costs
 * one judgement a second, not one for each request.
 *
 * Invariants:
 *  1. An answer is kept for a second at most, and never longer than the right to it lives.
 *  2. It is given only to a request whose every part that was judged is the same.
 */

import type { IncomingMessage, ServerResponse } from "node:http";

export interface RecentAnswer {
  readonly headers: Readonly<Record<string, string | number>>;
  readonly bytes: Uint8Array;
  readonly untilMs: number;
}

/** What is judged of a request, but its method. */
export interface Judged {
  readonly request: IncomingMessage;
  readonly target: URL;
  readonly authorization: string | undefined;
}

const keptMs = 1000;
/** Together 32 MiB at most. */
const answersMax = 128;
const bytesMax = 256 * 1024;

export class RecentAnswers {
  readonly #answers = new Map<string, RecentAnswer>();

  /** Whether the response was answered. */
  giveAgain(judged: Judged, response: ServerResponse, nowMs: number): boolean {
    if (!isPlainGet(judged.request)) return false;
    const answer = this.#answers.get(keyOf(judged));
    if (answer === undefined || answer.untilMs <= nowMs) return false;
    response.writeHead(200, answer.headers).end(answer.bytes);
    return true;
  }

  keep(judged: Judged, { headers, bytes, untilMs }: RecentAnswer, nowMs: number): void {
    if (!isPlainGet(judged.request) || bytes.length > bytesMax) return;
    const key = keyOf(judged);
    this.#answers.delete(key);
    this.#answers.set(key, { headers, bytes, untilMs: Math.min(untilMs, nowMs + keptMs) });
    if (this.#answers.size > answersMax) this.#answers.delete(this.#answers.keys().next().value as string);
  }
}

/** For the whole, as it is. */
function isPlainGet({ method, headers }: IncomingMessage): boolean {
  return method === "GET" && headers.range === undefined;
}

function keyOf({ request, target, authorization = "" }: Judged): string {
  return `${request.socket.remoteAddress}\n${authorization}\n${request.headers.accept}\n${target.href}`;
}
