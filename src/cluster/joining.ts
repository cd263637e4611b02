/**
 * Becoming a member. The first contact is authenticated by the token alone: what the address says of its
 * authority, over plain HTTP, counts only if its SHA-256 stands in the token. From then on everything
 * is TLS with that authority, and the token's secret is told to nobody else.
 */

import { DarnerError } from "#base/mod.ts";
import { isJoinableRole, joinProof, readToken, type JoinableRole } from "#core/model/mod.ts";
import { certificateFingerprint } from "#platform/keys/certificates.ts";
import type { HttpJson } from "#platform/http-asks/json.ts";
import type { SigningKey } from "#platform/keys/signing.ts";

const answerTimeoutMs = 10_000;

export interface JoinOptions {
  readonly plain: HttpJson;
  /** Asks over TLS, believing this authority (PEM) alone. */
  readonly open: (authority: string) => HttpJson;
  /** The config service's. */
  readonly url: URL;
  readonly token: string;
  readonly key: SigningKey;
  readonly name: string;
}

export interface Joined {
  readonly role: JoinableRole;
  readonly authority: string;
  readonly certificate: string;
}

/** Throws `trust.join`, `network.*`, `tls.*`. */
export async function joinCluster({ plain, open, url, token, key, name }: JoinOptions): Promise<Joined> {
  const authority = await findAuthority(plain, url, token);
  const secure = open(authority);
  try {
    const { publicKey } = key;
    const answer = await secure.request({
      method: "POST",
      url: new URL("/v1/join", `https://${url.host}`),
      role: "config-service",
      body: { token, publicKey, signature: key.sign("join", joinProof(token, publicKey)), name },
      timeoutMs: answerTimeoutMs,
    });
    const { role, certificate } = (answer ?? {}) as Partial<Joined>;
    if (!isJoinableRole(role) || typeof certificate !== "string") {
      throw new DarnerError("cluster.protocol", `cannot join ${url.origin}: the answer is no certificate`);
    }
    return { role, authority, certificate };
  } finally {
    secure.close();
  }
}

/** The certificate (PEM) that the token vouches for, as told by any member at `url`. Throws `trust.join`. */
export async function findAuthority(plain: HttpJson, url: URL, token: string): Promise<string> {
  const wanted = readToken(token)?.authority;
  if (wanted === undefined) {
    throw new DarnerError(
      "trust.join",
      "cannot use the token: it should be darner_, its kind, _ and 76 characters; copy all of it",
    );
  }
  const place = new URL("/v1/authority", `http://${url.host}`);
  const answer = await plain.request({ method: "GET", url: place, timeoutMs: answerTimeoutMs });
  const { authority } = (answer ?? {}) as { authority?: unknown };
  let found: string | undefined;
  try {
    found = certificateFingerprint(String(authority));
  } catch {
    // Said below.
  }
  if (found === wanted) return String(authority);
  const why = "another cluster answers there than the one that made the token, or somebody between";
  throw new DarnerError("trust.join", `cannot trust ${url.host}: ${why}; check the address and the token`);
}
