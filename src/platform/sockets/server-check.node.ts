/**
 * Whether a caller may reach a server at all, asked before work begins that others do for him (the
 * swarm, the manager). What is dialled for him is judged again where it is dialled.
 */

import { lookup } from "node:dns/promises";
import { checkUrl, reachRefused } from "./address-rule.node.ts";
import type { CheckServer, ReachRuleFor } from "./address-rule.ts";

/** A name that does not resolve here is the dialler's affair. */
export function serverCheck(ruleFor: ReachRuleFor): CheckServer {
  return async (remoteAddress, url) => {
    const rule = ruleFor(remoteAddress);
    checkUrl(rule, url, url.host);
    const found = await lookup(url.hostname.replace(/^\[|\]$/g, ""), { all: true }).catch(() => []);
    for (const { address } of found) {
      const refusal = rule.refusal(address);
      if (refusal !== null) throw reachRefused(url.host, refusal);
    }
  };
}
