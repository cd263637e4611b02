/** Whose asks for a version wait until their right to it is proved. */

import type { TaskAsk } from "#core/protocol/mod.ts";
import { isGuarded, isSameAsker } from "../hosts/mod.ts";
import type { Version } from "./version-set.ts";

/** A digest names the same bytes whatever the credential, so who may have them is asked apart. */
export function isGuardedFrom(ask: TaskAsk, { fetchedFor, fetching, version }: Version): boolean {
  if (ask.digest === undefined) return false;
  const guarded = version.store.object?.notes?.["guarded"] === true || (fetchedFor && isGuarded(fetchedFor));
  // The fetch itself shows whether its own credential is good.
  const own = fetching && fetchedFor !== undefined && isSameAsker(fetchedFor, ask);
  return guarded === true && !own;
}
