/**
 * Vary (RFC 9111, 4.1): which request fields chose this response, and whether another request would
 * have been given it too. Values of fields that carry secrets are never kept; a response chosen by
 * one matches no later request, which then revalidates with the origin as it must.
 */

import { fieldOf } from "./cache-control.ts";

/**
 * "*": no later request matches. Else field names in lower case with their normalised values; "" for
 * a field that the request did not have, null for a secret that it had.
 */
export type VaryKey = "*" | Readonly<Record<string, string | null>>;

const secretNames = /authorization|cookie|token|secret|password|signature|api-?key/;

export function varyKey(
  responseHeaders: Readonly<Record<string, string>>,
  requestHeaders: Readonly<Record<string, string>>,
): VaryKey {
  const names = (responseHeaders["vary"] ?? "")
    .split(",")
    .map((name) => name.trim().toLowerCase())
    .filter((name) => name !== "");
  if (names.includes("*")) return "*";
  const key: Record<string, string | null> = {};
  for (const name of names) {
    const value = normalised(fieldOf(requestHeaders, name));
    key[name] = value !== "" && secretNames.test(name) ? null : value;
  }
  return key;
}

/** Whether a response stored under `key` may answer a request with these headers, freshness aside. */
export function varyMatches(key: VaryKey, requestHeaders: Readonly<Record<string, string>>): boolean {
  if (key === "*") return false;
  return Object.entries(key).every(([name, value]) => value === normalised(fieldOf(requestHeaders, name)));
}

/** Spaces around commas and at the ends mean nothing in any field (4.1). */
function normalised(value: string): string {
  return value.trim().replaceAll(/\s*,\s*/g, ",");
}
