/**
 * Which objects travel and lie sealed. Keys travel over mutual TLS alone (or within one machine), so with
 * --trust off nothing is sealed for others: what is marked sensitive is then not shared at all.
 */

import type { TaskAsk } from "#core/protocol/mod.ts";
import { credentialOf } from "./task-id.ts";

/** "credentialed": what is marked sensitive, and whatever a credential is sent for. "marked": the marked alone. */
export type SealRule = "credentialed" | "marked";

export function mustSeal(ask: TaskAsk, trust: boolean, rule: SealRule): boolean {
  if (ask.sensitive === true) return true;
  return trust && rule === "credentialed" && credentialOf(ask.headers) !== "";
}
