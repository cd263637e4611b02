/**
 * Which objects travel and lie sealed. Keys travel over mutual TLS alone (or within one machine), so with
 * --trust off nothing is sealed for others: what is marked sensitive is then not shared at all.
 */

import { matchesWildcard } from "#core/image/mod.ts";
import type { TaskAsk } from "#core/protocol/mod.ts";
import { credentialOf } from "./task-id.ts";

/** "credentialed": what is marked sensitive, and whatever a credential is sent for. "marked": the marked alone. */
export type SealRule = "credentialed" | "marked";

/** The ask, marked sensitive if its URL (`HOST/PATH`, without the query) fits one of the patterns. */
export function marked<Ask extends TaskAsk>(ask: Ask, patterns: readonly string[]): Ask {
  if (ask.sensitive === true || patterns.length === 0) return ask;
  const { host, pathname } = URL.parse(ask.url) ?? { host: "", pathname: "" };
  return patterns.some((pattern) => matchesWildcard(pattern, host + pathname)) ? { ...ask, sensitive: true } : ask;
}

export function mustSeal(ask: TaskAsk, trust: boolean, rule: SealRule): boolean {
  if (ask.sensitive === true) return true;
  return trust && rule === "credentialed" && credentialOf(ask.headers) !== "";
}
