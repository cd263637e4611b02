/**
 * What of a request and its answer may lie on a disk: a URL's query may be a signature, its user and
 * password are a credential, and an answer may set a cookie. Concealed, two URLs are equal when they
 * were equal before, parameter by parameter.
 */

import type { ResponseFacts } from "#core/freshness/mod.ts";
import { sha256Hex } from "#platform/keys/digest.ts";

const concealed = /^~[0-9a-f]{16}$/;
const secretField = /auth|cookie|token|secret|session|signature|^location$|^content-location$|^link$|^refresh$/i;

/** Each value of the query becomes `~` and a hash of it; user, password and fragment go. Twice is as good as once. */
export function concealUrl(text: string): string {
  const url = new URL(text);
  url.username = "";
  url.password = "";
  url.hash = "";
  if (url.search !== "") url.search = url.search.slice(1).split("&").map(concealPair).join("&");
  return url.href;
}

function concealPair(pair: string): string {
  const at = pair.indexOf("=");
  const value = pair.slice(at + 1);
  return `${pair.slice(0, at + 1)}${concealed.test(value) ? value : `~${sha256Hex(value).slice(0, 16)}`}`;
}

/** The facts without what was meant for the asker alone. */
export function concealFacts(facts: ResponseFacts): ResponseFacts {
  const headers = Object.entries(facts.headers).filter(([name]) => !secretField.test(name));
  return { ...facts, url: concealUrl(facts.url), headers: Object.fromEntries(headers) };
}
