/** The id of the task that an ask means: every process computes it for itself. */

import { bytesWithLengths, DarnerError } from "#base/mod.ts";
import { isHarmlessField, parseDigest, parseUrl, taskKeyBytes, type TaskId } from "#core/model/mod.ts";
import type { TaskAsk } from "#core/protocol/mod.ts";
import { sha256Hex } from "#platform/keys/digest.ts";

/** Throws `url.malformed`, `digest.malformed`. */
export function taskIdOf(ask: TaskAsk): TaskId {
  const { username, password } = parseUrl(ask.url);
  if (username !== "" || password !== "")
    throw new DarnerError("url.malformed", "cannot take a URL with user and password: give them as a header");
  const credential = credentialOf(ask.headers);
  const key = taskKeyBytes({
    url: ask.url,
    filterQuery: ask.filterQuery,
    tag: ask.tag,
    ...(ask.digest === undefined ? {} : { digest: parseDigest(ask.digest) }),
    ...(credential === "" ? {} : { credential }),
    ...(ask.sensitive === true ? { sensitive: true } : {}),
  });
  return sha256Hex(key);
}

/** Hash of the header fields that may decide what the origin lets one read; empty when there are none. */
export function credentialOf(headers: Readonly<Record<string, string>>): string {
  const credentials = Object.entries(headers)
    .map(([name, value]) => [name.toLowerCase(), value] as const)
    .filter(([name]) => !isHarmlessField(name))
    .sort(([a], [b]) => (a < b ? -1 : 1));
  return credentials.length === 0 ? "" : sha256Hex(bytesWithLengths(credentials.flat()));
}
