/**
 * What a shared cache may do with a response (RFC 9111, stale rules of RFC 5861): keep it or not, for
 * how long it is fresh, and whether it may be used once it is stale.
 *
 * Rules of ours on top: no lifetime is ever guessed, except that a response without an explicit one
 * counts as fresh for a second after each check (a very short heuristic lifetime, 4.2.2), so that a
 * wave of a thousand hosts asks the origin once a second at most. The forms of `no-cache` and
 * `private` that name fields are taken as the forms without (5.2.2.4 and 5.2.2.7 allow it).
 */

import { directiveSeconds, fieldOf, parseDirectives, type Directives } from "./cache-control.ts";
import type { ResponseFacts } from "./facts.ts";
import { parseHttpDate } from "./http-date.ts";
import { validatorsOf } from "./validators.ts";
import { varyKey, type VaryKey } from "./vary.ts";

export interface Judgement {
  /** "transfer-only": carried for the transfer that runs, then erased. */
  readonly storable: "yes" | "transfer-only";
  /** Why it is transfer-only. "authorization": asked with a credential and not declared shareable (3.5). */
  readonly because?: "no-store" | "private" | "authorization" | "status";
  /** Whether the origin told a lifetime, even one of zero. */
  readonly lifetime: "explicit" | "none";
  /** Fresh while the wall clock is before this. */
  readonly freshUntilMs: number;
  /** Never to be used without asking the origin first. */
  readonly noCache: boolean;
  /** Never to be used stale, whatever goes wrong. */
  readonly mustRevalidate: boolean;
  /** Until when it may be used stale while a check runs, and when a check fails; never before `freshUntilMs`. */
  readonly staleWhileRevalidateUntilMs: number;
  readonly staleIfErrorUntilMs: number;
  readonly vary: VaryKey;
}

/** A response as it is kept: its facts and what follows from them. */
export interface StoredResponse {
  readonly facts: ResponseFacts;
  readonly judgement: Judgement;
}

const checkEveryMs = 1000;
/** RFC 9110, 15.1, and 206, which we understand. */
const heuristicallyCacheable = [200, 203, 204, 206, 300, 301, 308, 404, 405, 410, 414, 501];
/** For statuses that a must-understand directive asks about (5.2.2.3). */
const understood = [200, 206];

export function judge(facts: ResponseFacts, requestHeaders: Readonly<Record<string, string>>): Judgement {
  const directives = parseDirectives(facts.headers["cache-control"]);
  const because = reasonNotToStore(facts, directives, requestHeaders);
  const lifetimeMs = explicitLifetimeMs(facts, directives);
  const noCache = directives.has("no-cache");
  // s-maxage implies proxy-revalidate for a shared cache (5.2.2.10).
  const mustRevalidate = ["must-revalidate", "proxy-revalidate", "s-maxage"].some((name) => directives.has(name));
  const freshForMs = noCache ? 0 : Math.max(0, (lifetimeMs ?? 0) - initialAgeMs(facts));
  const freshUntilMs = facts.answeredAtMs + freshForMs;
  // Counted from the moment it goes stale, which may lie before the answer came.
  const staleFromMs = facts.answeredAtMs + (lifetimeMs ?? 0) - initialAgeMs(facts);
  const staleUntilMs = (name: string): number => {
    if (noCache || mustRevalidate) return freshUntilMs;
    return Math.max(freshUntilMs, staleFromMs + (directiveSeconds(directives, name) ?? 0) * 1000);
  };
  return {
    storable: because === undefined ? "yes" : "transfer-only",
    ...(because === undefined ? {} : { because }),
    lifetime: lifetimeMs === undefined ? "none" : "explicit",
    freshUntilMs,
    noCache,
    mustRevalidate,
    staleWhileRevalidateUntilMs: staleUntilMs("stale-while-revalidate"),
    staleIfErrorUntilMs: staleUntilMs("stale-if-error"),
    vary: varyKey(facts.headers, requestHeaders),
  };
}

/**
 * Whether a kept response may be used now, its Vary fields having matched. Times are of the wall
 * clock; `lastCheckedMs` is when the origin last sent or confirmed it.
 */
export function useDecision(stored: StoredResponse, nowMs: number, lastCheckedMs: number): "fresh" | "revalidate" {
  const { freshUntilMs, lifetime, noCache } = stored.judgement;
  // An answer from the future means that the clock was set back: its age is anybody's guess.
  if (noCache || nowMs < stored.facts.answeredAtMs) return "revalidate";
  if (nowMs < freshUntilMs) return "fresh";
  const sinceCheckMs = nowMs - lastCheckedMs;
  return lifetime === "none" && sinceCheckMs >= 0 && sinceCheckMs < checkEveryMs ? "fresh" : "revalidate";
}

/** Fields of a 304 that speak of that message and not of the object (RFC 9111, 3.1 and 3.2). */
const notOfTheObject = new Set([
  "connection",
  "content-digest",
  "content-encoding",
  "content-length",
  "content-md5",
  "content-range",
  "keep-alive",
  "proxy-authenticate",
  "proxy-authentication-info",
  "proxy-authorization",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
]);

/**
 * The stored response freshened by a 304 (4.3.4). Undefined when the 304 names another version than
 * the stored one: it then says nothing about what we hold, and the object must be fetched anew.
 */
export function refresh(
  stored: StoredResponse,
  notModified: ResponseFacts,
  requestHeaders: Readonly<Record<string, string>>,
): StoredResponse | undefined {
  const told = validatorsOf(notModified).etag;
  const held = validatorsOf(stored.facts).etag;
  if (told !== undefined && held !== undefined && opaque(told) !== opaque(held)) return undefined;
  const hopByHop = new Set(
    fieldOf(notModified.headers, "connection")
      .toLowerCase()
      .split(/\s*,\s*/),
  );
  const headers: Record<string, string> = { ...stored.facts.headers };
  // An Age that the 304 does not repeat was that of the response before it.
  delete headers["age"];
  for (const [name, value] of Object.entries(notModified.headers)) {
    if (!notOfTheObject.has(name) && !hopByHop.has(name)) headers[name] = value;
  }
  const facts: ResponseFacts = {
    status: stored.facts.status,
    url: stored.facts.url,
    headers,
    requestedAtMs: notModified.requestedAtMs,
    answeredAtMs: notModified.answeredAtMs,
    ...(stored.facts.nearOnly === true || notModified.nearOnly === true ? { nearOnly: true } : {}),
  };
  return { facts, judgement: judge(facts, requestHeaders) };
}

/** If-None-Match compares weakly (RFC 9110, 13.1.2). */
function opaque(etag: string): string {
  return etag.replace(/^W\//, "");
}

/** RFC 9111, 3: the conditions for storing, those of a shared cache included. */
function reasonNotToStore(
  facts: ResponseFacts,
  directives: Directives,
  requestHeaders: Readonly<Record<string, string>>,
): Judgement["because"] {
  const mustUnderstand = directives.has("must-understand");
  if (mustUnderstand && !understood.includes(facts.status)) return "status";
  if (directives.has("no-store") && !mustUnderstand) return "no-store";
  if (parseDirectives(fieldOf(requestHeaders, "cache-control")).has("no-store")) return "no-store";
  if (directives.has("private")) return "private";
  const withCredential = fieldOf(requestHeaders, "authorization") !== "";
  const shareable = ["public", "s-maxage", "must-revalidate"].some((name) => directives.has(name));
  if (withCredential && !shareable) return "authorization";
  const told = ["public", "s-maxage", "max-age"].some((name) => directives.has(name)) || "expires" in facts.headers;
  if (facts.status < 200 || facts.status === 304) return "status";
  return told || heuristicallyCacheable.includes(facts.status) ? undefined : "status";
}

/** RFC 9111, 4.2.1: s-maxage, else max-age, else Expires minus Date; undefined when none is told. */
function explicitLifetimeMs(facts: ResponseFacts, directives: Directives): number | undefined {
  const seconds = directiveSeconds(directives, "s-maxage") ?? directiveSeconds(directives, "max-age");
  if (seconds !== undefined) return seconds * 1000;
  const expires = facts.headers["expires"];
  if (expires === undefined) return undefined;
  // A date that cannot be read, "0" above all, lies in the past (5.3).
  const expiresMs = parseHttpDate(expires, facts.answeredAtMs);
  return expiresMs === undefined ? 0 : Math.max(0, expiresMs - dateMs(facts));
}

/** When the answer was made; without a Date it counts as made when it came (RFC 9110, 6.6.1). */
function dateMs(facts: ResponseFacts): number {
  return parseHttpDate(facts.headers["date"] ?? "", facts.answeredAtMs) ?? facts.answeredAtMs;
}

/** RFC 9111, 4.2.3: corrected_initial_age. The first Age of several counts, one that is no number does not (5.1). */
function initialAgeMs(facts: ResponseFacts): number {
  const apparentMs = Math.max(0, facts.answeredAtMs - dateMs(facts));
  const told = (facts.headers["age"] ?? "").split(",", 1)[0]!.trim();
  const toldMs = /^\d+$/.test(told) ? Number(told) * 1000 : 0;
  return Math.max(apparentMs, toldMs + Math.max(0, facts.answeredAtMs - facts.requestedAtMs));
}
