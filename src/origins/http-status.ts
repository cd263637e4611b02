/** An HTTP status that is no success, as our error: what it means, when to come back, what to do next. */

import { DarnerError, type ErrorCode, type Retry } from "#base/mod.ts";
import type { HttpReply } from "#platform/http-client/client.ts";

/** When the origin fails without telling when to come back. */
const retryDefaultMs = 1000;
/** No answer makes us wait longer than a day. */
const retryMaxMs = 24 * 60 * 60 * 1000;

/** `name` is what messages call the object. */
export function statusError(reply: HttpReply, name: string, nowWallMs: number): DarnerError {
  const { status } = reply;
  const { code, retry, says } = verdict(reply, retryAfterMs(reply.headers["retry-after"], nowWallMs));
  return new DarnerError(code, `cannot fetch ${name}: ${says}`, { retry, facts: { status } });
}

function verdict(reply: HttpReply, toldMs: number | undefined): { code: ErrorCode; retry: Retry; says: string } {
  const { status } = reply;
  const later: Retry = { afterMs: toldMs ?? retryDefaultMs };
  const waits = toldMs === undefined ? "try again later" : `it asks to come back in ${Math.ceil(toldMs / 1000)} s`;
  switch (status) {
    case 401:
      return never("origin.unauthorized", "it wants a credential (401); give one with --header or --netrc");
    case 403:
      return never("origin.forbidden", "it refuses access (403); check the credential and the rights it carries");
    case 404:
      return never("origin.not-found", "there is no such object (404); check the URL");
    case 410:
      return never("origin.gone", "the object was removed for good (410); look for a newer URL");
    case 416:
      return never(
        "origin.range",
        `the range lies outside the object (416${sizeTold(reply)}); ask for a range within it`,
      );
    case 429:
      return { code: "origin.rate-limited", retry: later, says: `too many requests (429); ${waits}` };
    case 408:
    case 425:
      return { code: "origin.status", retry: later, says: `it did not take the request (${status}); ${waits}` };
    default:
      if (status >= 500)
        return { code: "origin.server-error", retry: later, says: `the server failed (${status}); ${waits}` };
      return never("origin.status", `it answered ${status}, which is no success; check the URL and the server`);
  }
}

function never(code: ErrorCode, says: string): { code: ErrorCode; retry: Retry; says: string } {
  return { code, retry: "never", says };
}

/** `bytes *` + `/LENGTH` (RFC 9110, 14.4). */
function sizeTold(reply: HttpReply): string {
  const length = /^bytes \*\/(\d{1,15})$/.exec(reply.headers["content-range"] ?? "")?.[1];
  return length === undefined ? "" : `; it has ${length} bytes`;
}

/** Seconds or an HTTP-date (RFC 9110, 10.2.3), as milliseconds from now; undefined when it is neither. */
export function retryAfterMs(text: string | undefined, nowWallMs: number): number | undefined {
  if (text === undefined) return undefined;
  if (/^\d+$/.test(text)) return Math.min(Number(text) * 1000, retryMaxMs);
  const atMs = /^[A-Z][a-z]{2,8}, /.test(text) ? Date.parse(text) : Number.NaN;
  return Number.isNaN(atMs) ? undefined : Math.min(Math.max(0, atMs - nowWallMs), retryMaxMs);
}
