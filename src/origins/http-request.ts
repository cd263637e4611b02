/**
 * What is asked of an HTTP origin: the headers of one request, and what is left of them after a
 * redirect. RFC 9110 (13.1 conditional requests, 14.2 Range, 15.4 redirects).
 */

import { assert } from "#base/mod.ts";
import { isHarmlessField } from "#core/model/mod.ts";
import type { OriginRequest } from "./origin.ts";

export type Headers = Readonly<Record<string, string>>;

/** Ours to say: what a user gives for these would contradict the request or the framing. */
const ownNames: readonly string[] = [
  "accept-encoding",
  "connection",
  "content-length",
  "if-modified-since",
  "if-none-match",
  "if-range",
  "range",
  "te",
  "transfer-encoding",
  "upgrade",
];

/** Names in lower case. User and password of the URL become Basic credentials, unless some are given. */
export function requestHeaders(request: OriginRequest, url: URL): Headers {
  const headers: Record<string, string> = { "accept": "*/*", "user-agent": "Darner" };
  if (url.username !== "" || url.password !== "") headers["authorization"] = basicCredentials(url);
  for (const [name, value] of Object.entries(request.headers ?? {})) headers[name.toLowerCase()] = value;
  for (const name of ownNames) delete headers[name];

  headers["accept-encoding"] = "identity";
  const { range, ifRange, unless } = request;
  if (range !== undefined) {
    assert(range.start >= 0 && (range.end === undefined || range.end > range.start), "a range holds at least a byte");
    headers["range"] = `bytes=${range.start}-${range.end === undefined ? "" : range.end - 1}`;
    if (ifRange !== undefined) headers["if-range"] = ifRange;
  }
  if (unless?.etag !== undefined) headers["if-none-match"] = unless.etag;
  if (unless?.lastModified !== undefined) headers["if-modified-since"] = unless.lastModified;
  return headers;
}

/** Only what is no credential goes on to another scheme, host or port; a way back does not restore the rest. */
export function headersAfterRedirect(headers: Headers, from: URL, to: URL): Headers {
  if (from.origin === to.origin) return headers;
  return Object.fromEntries(Object.entries(headers).filter(([name]) => isHarmlessField(name)));
}

/** RFC 7617, UTF-8. */
function basicCredentials(url: URL): string {
  const bytes = new TextEncoder().encode(`${decoded(url.username)}:${decoded(url.password)}`);
  return `Basic ${btoa(String.fromCharCode(...bytes))}`;
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
