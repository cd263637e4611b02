/**
 * Operators' tokens at a process that does not keep them: the config service is asked by the token's
 * digest, and its answer counts for a while. While it cannot be asked, no token counts.
 */

import { DarnerError } from "#base/mod.ts";
import { isScope, type Scope } from "#core/model/mod.ts";
import type { Clock } from "#platform/machine/clock.ts";
import { sha256Hex } from "#platform/keys/digest.ts";
import type { ConfigClient } from "./config-client.ts";
import type { Acquaintance } from "./gate.ts";

const answerLifeMs = 30_000;
const answersMax = 1024;

export function createTokenCheck(config: ConfigClient | undefined, clock: Clock): Acquaintance["scopesOf"] {
  const answers = new Map<string, { readonly scopes: readonly Scope[]; readonly askedMs: number }>();
  return async (token) => {
    if (config === undefined) throw new DarnerError("trust.credential", "cannot check the token: no config service");
    const digest = sha256Hex(token);
    const known = answers.get(digest);
    if (known !== undefined && clock.nowMs() - known.askedMs < answerLifeMs) return known.scopes;
    answers.delete(digest);
    const scopes = (await config.checkToken(digest)).filter(isScope);
    if (scopes.length === 0) return undefined;
    if (answers.size >= answersMax) answers.delete(answers.keys().next().value!);
    answers.set(digest, { scopes, askedMs: clock.nowMs() });
    return scopes;
  };
}
