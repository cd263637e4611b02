/**
 * Operators' and programs' tokens: each has a name, scopes and perhaps an end. Only its digest is kept;
 * the secret has 192 random bits, so that a plain SHA-256 of it tells nothing.
 */

import { DarnerError } from "#base/mod.ts";
import { isScope, tokenSecretBytes, writeToken, type Scope } from "#core/model/mod.ts";
import type { Clock } from "#platform/machine/clock.ts";
import { sha256Hex } from "#platform/keys/digest.ts";
import type { Log } from "#platform/telemetry/log.ts";
import type { Random } from "#platform/machine/random.ts";
import type { ClusterState } from "#storage/cluster-state/mod.ts";

const tokensMax = 10_000;

export interface ApiTokensOptions {
  readonly clock: Clock;
  readonly log: Log;
  readonly random: Random;
  readonly store: ClusterState;
  /** The fingerprint of the cluster's authority. */
  readonly authority: string;
}

export interface ApiTokenRecord {
  /** Hex of the token's SHA-256. */
  readonly id: string;
  readonly name: string;
  readonly scopes: readonly Scope[];
  readonly madeAtMs: number;
  readonly endsAtMs: number | null;
}

export type ApiTokenWanted = Pick<ApiTokenRecord, "name" | "scopes"> & { readonly lifeMs: number | null };

export class ApiTokens {
  readonly #options: ApiTokensOptions;
  readonly #tokens: Map<string, ApiTokenRecord>;

  static async open(options: ApiTokensOptions): Promise<ApiTokens> {
    const records = await options.store.records("api-token");
    return new ApiTokens(
      options,
      records.map(({ value }) => value as unknown as ApiTokenRecord),
    );
  }

  private constructor(options: ApiTokensOptions, tokens: readonly ApiTokenRecord[]) {
    this.#options = options;
    this.#tokens = new Map(tokens.map((token) => [token.id, token]));
  }

  get all(): readonly ApiTokenRecord[] {
    return [...this.#tokens.values()];
  }

  /** Returns the token's text, which nobody can be told again. Throws `cluster.refused` when the name is taken. */
  async create({ name, scopes, lifeMs }: ApiTokenWanted): Promise<string> {
    const { clock, random, store, authority, log } = this.#options;
    const refuse = (why: string): never => {
      throw new DarnerError("cluster.refused", `cannot make the token ${name}: ${why}`, { facts: { httpStatus: 409 } });
    };
    if (this.all.some((token) => token.name === name)) refuse("the name is taken; revoke that one, or choose another");
    if (this.#tokens.size >= tokensMax) refuse(`there are ${tokensMax} already; revoke some`);
    const secret = Buffer.from(random.bytes(tokenSecretBytes)).toString("base64url");
    const text = writeToken({ kind: "api", secret, authority });
    const madeAtMs = clock.wallMs();
    const record = {
      id: sha256Hex(text),
      name,
      scopes,
      madeAtMs,
      endsAtMs: lifeMs === null ? null : madeAtMs + lifeMs,
    };
    await store.putRecords({ kind: "api-token", id: record.id, value: record });
    this.#tokens.set(record.id, record);
    log.info("api-token.made", { name, scopes });
    return text;
  }

  /** By its name. False when there is none. */
  async revoke(name: string): Promise<boolean> {
    const found = this.all.find((token) => token.name === name);
    if (found === undefined) return false;
    await this.#options.store.deleteRecord("api-token", found.id);
    this.#tokens.delete(found.id);
    this.#options.log.warn("api-token.revoked", { name });
    return true;
  }

  /** By the token's digest; undefined for one that does not count. */
  scopesOfDigest(digest: string): readonly Scope[] | undefined {
    const token = this.#tokens.get(digest);
    if (token === undefined || (token.endsAtMs !== null && token.endsAtMs <= this.#options.clock.wallMs()))
      return undefined;
    return token.scopes;
  }

  scopesOf(text: string): readonly Scope[] | undefined {
    return this.scopesOfDigest(sha256Hex(text));
  }
}

/** Throws `usage`. */
export function readApiTokenWanted(body: unknown): ApiTokenWanted {
  const { name, scopes, lifeMs = null } = (body ?? {}) as Partial<ApiTokenWanted>;
  const life = lifeMs === null || (Number.isSafeInteger(lifeMs) && lifeMs > 0);
  const scoped = Array.isArray(scopes) && scopes.length > 0 && scopes.length <= 3 && scopes.every(isScope);
  if (typeof name === "string" && /^[\w.-]{1,64}$/.test(name) && scoped && life) return { name, scopes, lifeMs };
  throw new DarnerError("usage", "cannot make a token: it should be {name, scopes of read, preheat, admin, lifeMs}");
}
