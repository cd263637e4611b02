/** The reach policy for what a proxy passes on: one rule for callers on this machine, one for all others. */

import { isLoopbackAddress } from "#core/placement/mod.ts";
import { addressRefusal, urlRefusal, type Caller, type ReachPolicy } from "#core/reach/mod.ts";
import type { ReachRule, ReachRuleFor } from "#platform/sockets/address-rule.ts";

/** Whose address nobody knows counts as from afar. */
export function reachRules(policy: () => ReachPolicy): ReachRuleFor {
  const ruleOf = (caller: Caller): ReachRule => ({
    refusal: (address) => addressRefusal(policy(), address, caller),
    urlRefusal: (url) => urlRefusal(policy(), url),
  });
  const rules = { near: ruleOf("near"), far: ruleOf("far") };
  return (remote) => rules[remote !== undefined && isLoopbackAddress(remote) ? "near" : "far"];
}
