/** Content that a credential was needed for: its next asker shows that his own is good for it too. */

import type { TaskAsk } from "#core/protocol/mod.ts";
import { credentialOf } from "#transfer/mod.ts";

export function isGuarded(ask: TaskAsk): boolean {
  return credentialOf(ask.headers) !== "";
}

/** The same credential for the same address at the origin. */
export function isSameAsker(one: TaskAsk, other: TaskAsk): boolean {
  return one.url === other.url && credentialOf(one.headers) === credentialOf(other.headers);
}
