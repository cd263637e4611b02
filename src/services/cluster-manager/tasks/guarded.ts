/** Content that a credential was needed for: its next asker shows that his own is good for it too. */

import type { TaskAsk } from "#core/protocol/mod.ts";
import { credentialOf } from "#transfer/mod.ts";
import type { Version } from "./version-set.ts";

export function isGuarded(ask: TaskAsk): boolean {
  return credentialOf(ask.headers) !== "";
}

/** The same credential for the same address at the origin. */
export function isSameAsker(one: TaskAsk, other: TaskAsk): boolean {
  return one.url === other.url && credentialOf(one.headers) === credentialOf(other.headers);
}

/** A digest names the same bytes whatever the credential, so who may have them is asked apart. */
export function isGuardedFrom(ask: TaskAsk, { fetchedFor, fetching, version }: Version): boolean {
  if (ask.digest === undefined) return false;
  const guarded = version.store.object?.notes?.["guarded"] === true || (fetchedFor && isGuarded(fetchedFor));
  // The fetch itself shows whether its own credential is good.
  const own = fetching && fetchedFor !== undefined && isSameAsker(fetchedFor, ask);
  return guarded === true && !own;
}
