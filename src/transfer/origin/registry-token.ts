/**
 * The credential with which a registry gives a repository: what it says it wants at `/v2/`, and a token
 * from its own service where it wants one (Distribution's token authentication).
 */

import { bearerChallenge, readChallenges } from "#core/image/mod.ts";
import type { LookAsk, Seen } from "#core/protocol/mod.ts";

const challengeFreshMs = 5 * 60_000;
const answerBytesMax = 64 * 1024;
const timeoutMs = 10_000;
const lifeSeconds = { usual: 300, min: 60 } as const;

export interface RegistryToken {
  /** Undefined: the registry wants none. */
  readonly authorization: string | undefined;
  readonly lifeSeconds: number;
}

export interface RegistryHands {
  look(ask: LookAsk): Promise<Pick<Seen, "status" | "headers">>;
  /** A body's bytes; redirects are followed. */
  fetch(
    ask: { readonly url: string; readonly headers: Readonly<Record<string, string>> },
    signal: AbortSignal,
  ): AsyncIterable<Uint8Array>;
}

/** Where a token for the repository is to be had; else what the registry takes as it is. */
export async function tokenPlace(
  base: string,
  repository: string,
  given: string | undefined,
  hands: RegistryHands,
): Promise<{ readonly url: string } | RegistryToken> {
  const ping = { url: `${base}/v2/`, headers: {}, freshForMs: challengeFreshMs };
  // A registry that does not answer may still have what is asked for in the swarm.
  const seen = await hands.look(ping).catch(() => undefined);
  const field = seen?.status === 401 ? seen.headers["www-authenticate"] : undefined;
  const bearer = bearerChallenge(field);
  if (bearer === undefined || !isOwnRealm(bearer.realm, base)) {
    const basic = readChallenges(field).some(({ scheme }) => scheme === "basic");
    return { authorization: basic ? given : undefined, lifeSeconds: lifeSeconds.usual };
  }
  const url = new URL(bearer.realm);
  if (bearer.service !== undefined) url.searchParams.set("service", bearer.service);
  url.searchParams.set("scope", `repository:${repository}:pull`);
  return { url: url.href };
}

/** Rejects with what the service answers. */
export async function fetchToken(url: string, given: string | undefined, hands: RegistryHands): Promise<RegistryToken> {
  const parts: Uint8Array[] = [];
  let bytes = 0;
  const headers = given === undefined ? {} : { authorization: given };
  for await (const part of hands.fetch({ url, headers }, AbortSignal.timeout(timeoutMs))) {
    bytes += part.length;
    if (bytes > answerBytesMax) throw new Error("the registry's token is too long");
    parts.push(part);
  }
  const answer = JSON.parse(Buffer.concat(parts).toString("utf8")) as Record<string, unknown> | null;
  const token = answer?.["token"] ?? answer?.["access_token"];
  if (typeof token !== "string") throw new Error("the registry's token service gave no token");
  const told = answer?.["expires_in"];
  const life = typeof told === "number" && told >= lifeSeconds.min ? Math.floor(told) : lifeSeconds.min;
  return { authorization: `Bearer ${token}`, lifeSeconds: life };
}

/** A registry that sends credentials elsewhere in clear does not get them from here. */
function isOwnRealm(realm: string, base: string): boolean {
  const { protocol, hostname } = new URL(realm);
  return protocol === "https:" || hostname === new URL(base).hostname;
}
