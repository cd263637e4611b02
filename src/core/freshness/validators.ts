/**
 * Validators (RFC 9110, 8.8): what names one version of an object at its origin. A strong one promises
 * the same bytes and may join ranges; a weak one only answers "has it changed?".
 */

import type { ResponseFacts } from "./facts.ts";
import { parseHttpDate } from "./http-date.ts";

/**
 * A date is strong only when it was old enough as the answer was made that the object cannot have
 * changed again within its second. RFC 9110, 8.8.2.2 wants one second and clocks that agree; 60 s, as
 * RFC 2616, 13.3.3 had it, also covers clocks that do not.
 */
const dateStrongAfterMs = 60_000;

export interface Validators {
  /** With its quotes, and with W/ when it is weak. */
  readonly etag?: string;
  readonly lastModified?: string;
}

/** Whatever the response offers for a later "has it changed?"; malformed ones are left out. */
export function validatorsOf(facts: ResponseFacts): Validators {
  const etag = facts.headers["etag"]?.trim();
  const lastModified = facts.headers["last-modified"]?.trim();
  const modifiedMs = lastModified === undefined ? undefined : parseHttpDate(lastModified, facts.answeredAtMs);
  return {
    ...(etag !== undefined && /^(?:W\/)?"[\x21\x23-\x7e\x80-\uffff]*"$/.test(etag) ? { etag } : {}),
    ...(lastModified !== undefined && modifiedMs !== undefined ? { lastModified } : {}),
  };
}

/** The fields that ask whether a stored response is still good; both are sent (RFC 9111, 4.3.1). */
export function conditionalHeaders(facts: ResponseFacts): Record<string, string> {
  const { etag, lastModified } = validatorsOf(facts);
  return {
    ...(etag === undefined ? {} : { "if-none-match": etag }),
    ...(lastModified === undefined ? {} : { "if-modified-since": lastModified }),
  };
}

/**
 * The value for If-Range: a strong entity tag; or, when the response has no entity tag at all, a
 * Last-Modified that is strong (RFC 9110, 13.1.5). Undefined: ranges of this object cannot be joined.
 */
export function strongValidator(facts: ResponseFacts): string | undefined {
  const { etag, lastModified } = validatorsOf(facts);
  if (etag !== undefined) return etag.startsWith("W/") ? undefined : etag;
  if (lastModified === undefined) return undefined;
  const madeMs = parseHttpDate(facts.headers["date"] ?? "", facts.answeredAtMs);
  const modifiedMs = parseHttpDate(lastModified, facts.answeredAtMs);
  if (madeMs === undefined || modifiedMs === undefined) return undefined;
  return madeMs - modifiedMs >= dateStrongAfterMs ? lastModified : undefined;
}

/**
 * Whether two answers contradict each other about the version. A field that one of them lacks
 * contradicts nothing: a 206 to If-Range leaves out Last-Modified (RFC 9110, 15.3.7). Dates may not
 * be compared by `strongValidator`, since one and the same date grows strong with time.
 */
export function versionsDiffer(first: ResponseFacts, later: ResponseFacts): boolean {
  const a = validatorsOf(first);
  const b = validatorsOf(later);
  if (a.etag !== undefined && b.etag !== undefined) return a.etag !== b.etag;
  return a.lastModified !== undefined && b.lastModified !== undefined && a.lastModified !== b.lastModified;
}
