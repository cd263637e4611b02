/**
 * A task: one object to distribute, and the key that tells which asks mean the same object.
 *
 * The key is built from separated parts, each behind its length, so that no two lists of parts make
 * the same bytes: the SHA-256/512 digest when one is known, else the canonical URL without the
 * dropped query parameters and a hash of the credential; then the tag, and a word for what is marked
 * sensitive. Who knows a digest asks for the same bytes whatever the credential: the right to read them
 * is proved apart. MD5 is never part of a key.
 */

import { bytesWithLengths, DarnerError } from "#base/mod.ts";
import { digestToText, type Digest } from "./digest.ts";

export interface TaskSource {
  /** As the user gave it; where the bytes are fetched. */
  readonly url: string;
  /** Query parameters that do not tell one object from another, such as signatures. */
  readonly filterQuery?: readonly string[];
  /** Separates what would otherwise be one task. */
  readonly tag?: string;
  /** What the whole object must hash to, where somebody knows it. */
  readonly digest?: Digest;
  /** Hash of the credential that the origin is asked with: what one may read, another may not. */
  readonly credential?: string;
  /** It is to travel and lie sealed. */
  readonly sensitive?: boolean;
}

/** 64 hex digits: SHA-256 of the task key's bytes. */
export type TaskId = string;

/** The bytes whose SHA-256 is the task's id. Throws `url.malformed`. */
export function taskKeyBytes(source: TaskSource): Uint8Array {
  const { digest, tag = "", credential = "" } = source;
  const form = source.sensitive === true ? ["sealed"] : [];
  if (digest !== undefined && digest.algorithm !== "md5") {
    return bytesWithLengths(["darner-task-1", "digest", digestToText(digest), tag, ...form]);
  }
  return bytesWithLengths([
    "darner-task-1",
    "url",
    canonicalUrl(source.url, source.filterQuery ?? []),
    tag,
    credential,
    ...form,
  ]);
}

/**
 * One spelling for each URL (RFC 3986, 6.2.2 and 6.2.3, as the WHATWG parser applies it): lower-case
 * scheme and host, no default port, no fragment, dots resolved; parameters named in `filterQuery`
 * dropped, the others kept in their order, since some servers mind it. User and password stay out.
 */
export function canonicalUrl(text: string, filterQuery: readonly string[]): string {
  const url = parseUrl(text);
  url.hash = "";
  url.username = "";
  url.password = "";
  if (filterQuery.length > 0 && url.search !== "") {
    const dropped = new Set(filterQuery);
    const kept = url.search
      .slice(1)
      .split("&")
      .filter((pair) => !dropped.has(decodeName(pair)));
    url.search = kept.join("&");
  }
  return url.href;
}

function decodeName(pair: string): string {
  const name = pair.split("=", 1)[0]!.replaceAll("+", " ");
  try {
    return decodeURIComponent(name);
  } catch {
    return name;
  }
}

/** Throws `url.malformed`. */
export function parseUrl(text: string): URL {
  try {
    return new URL(text);
  } catch (cause) {
    const hint = /^[a-z][a-z0-9+.-]*:\/\//i.test(text) ? "" : "; it should start with http:// or https://";
    throw new DarnerError("url.malformed", `cannot read the URL "${text}"${hint}`, { cause });
  }
}
