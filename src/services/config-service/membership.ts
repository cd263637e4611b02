/**
 * Who belongs to the cluster: join tokens given out, members made of them, certificates renewed,
 * members revoked.
 *
 * 1. A token makes at most as many members as it was made for; who repeats a join with the same key,
 *    because the answer was lost, is the same member. Only the token's digest is kept. A use of it is spent
 *    together with the member that it makes, or not at all.
 * 2. A certificate is for the very key whose holder signed the question for it.
 * 3. A revoked member gets no certificate any more, and its id stands in the cluster's settings until
 *    the last one that it got has ended.
 * 4. What is told to anybody is in the store.
 * 5. Machines come and go: where there is no room, a member makes it that could not come back but by joining
 *    anew, since its certificate has ended. Who was revoked is not forgotten.
 */

import { DarnerError } from "#base/mod.ts";
import {
  isJoinableRole,
  isMemberId,
  joinProof,
  tokenSecretBytes,
  writeToken,
  type JoinableRole,
  type MemberRole,
} from "#core/model/mod.ts";
import { certificateFingerprint, memberCertificate } from "#platform/keys/certificates.ts";
import type { Clock } from "#platform/machine/clock.ts";
import { sha256Hex } from "#platform/keys/digest.ts";
import { logBudget } from "#platform/telemetry/log-budget.ts";
import type { Log } from "#platform/telemetry/log.ts";
import type { Random } from "#platform/machine/random.ts";
import { keyId, signatureHolds, type SigningKey } from "#platform/keys/signing.ts";
import type { ClusterState, KindRecord } from "#storage/cluster-state/mod.ts";

const membersMax = 100_000;
const tokensMax = 10_000;
const usesMax = 100_000;
const refusalsLoggedPerSecond = 10;

export interface Authority {
  /** PEM. */
  readonly certificate: string;
  readonly key: SigningKey;
}

export interface MembershipOptions {
  readonly clock: Clock;
  readonly log: Log;
  readonly random: Random;
  readonly store: ClusterState;
  readonly authority: Authority;
  readonly certificateLifeMs: number;
  /** All ids that are revoked now; resolves when the cluster will be told. */
  onRevoked(ids: readonly string[]): Promise<void>;
}

export interface MemberRecord {
  readonly id: string;
  readonly role: JoinableRole;
  readonly name: string;
  readonly address: string;
  readonly joinedAtMs: number;
  /** Of the newest certificate. */
  readonly endsAtMs: number;
  readonly revokedAtMs: number | null;
  /** The id of the join token that made it; null for one of the service's own process. */
  readonly joinedWith: string | null;
}

export interface Invitation {
  readonly role: JoinableRole;
  /** How many members it may make. */
  readonly uses: number;
  readonly lifeMs: number;
}

/** A token that was given out, as it may be shown. */
export interface InvitationRecord {
  readonly id: string;
  readonly role: JoinableRole;
  readonly usesLeft: number;
  readonly endsAtMs: number;
}

export interface JoinAsk {
  readonly token: string;
  readonly publicKey: string;
  readonly signature: string;
  readonly name: string;
  readonly address: string;
}

export class Membership {
  readonly #options: MembershipOptions;
  readonly #members: Map<string, MemberRecord>;
  readonly #tokens: Map<string, InvitationRecord>;
  readonly #mayLogRefusal: () => boolean;

  static async open(options: MembershipOptions): Promise<Membership> {
    const [members, tokens] = await Promise.all([options.store.records("member"), options.store.records("join-token")]);
    const membership = new Membership(
      options,
      members.map(({ value }) => value as unknown as MemberRecord),
      tokens.map(({ value }) => value as unknown as InvitationRecord),
    );
    await membership.#tellRevoked();
    return membership;
  }

  private constructor(
    options: MembershipOptions,
    members: readonly MemberRecord[],
    tokens: readonly InvitationRecord[],
  ) {
    this.#options = options;
    this.#mayLogRefusal = logBudget(options.clock, refusalsLoggedPerSecond);
    this.#members = new Map(members.map((member) => [member.id, member]));
    this.#tokens = new Map(tokens.map((token) => [token.id, token]));
  }

  get authority(): string {
    return this.#options.authority.certificate;
  }

  get members(): readonly MemberRecord[] {
    return [...this.#members.values()];
  }

  /** Those that still count. */
  get invitations(): readonly InvitationRecord[] {
    const wallMs = this.#options.clock.wallMs();
    return [...this.#tokens.values()].filter(({ usesLeft, endsAtMs }) => usesLeft > 0 && endsAtMs > wallMs);
  }

  isRevoked(id: string): boolean {
    return typeof this.#members.get(id)?.revokedAtMs === "number";
  }

  /** Makes a join token; this text is all there ever is of it. */
  async invite({ role, uses, lifeMs }: Invitation): Promise<{ readonly token: string; readonly endsAtMs: number }> {
    const { clock, random, authority, log } = this.#options;
    await this.#forgetEndedTokens();
    if (this.#tokens.size >= tokensMax) throw full(`there are ${tokensMax} join tokens already; let some end`);
    const secret = Buffer.from(random.bytes(tokenSecretBytes)).toString("base64url");
    const token = writeToken({ kind: role, secret, authority: certificateFingerprint(authority.certificate) });
    const endsAtMs = clock.wallMs() + lifeMs;
    await this.#keepToken({ id: sha256Hex(token), role, usesLeft: uses, endsAtMs });
    log.info("member.invited", { role, uses, endsAtMs });
    return { token, endsAtMs };
  }

  async withdraw(id: string): Promise<boolean> {
    const found = [...this.#tokens.keys()].filter((known) => known.startsWith(id));
    if (id.length < 8 || found.length !== 1) return false;
    const deleted = await this.#options.store.deleteRecord("join-token", found[0]!);
    this.#tokens.delete(found[0]!);
    return deleted;
  }

  /** Throws `trust.join`. */
  async join(ask: JoinAsk): Promise<{ readonly certificate: string; readonly role: JoinableRole }> {
    const { log } = this.#options;
    const id = keyId(ask.publicKey);
    const token = this.#tokens.get(sha256Hex(ask.token));
    const why = this.#joinProblem(ask, id, token);
    if (why !== undefined || token === undefined) {
      if (this.#mayLogRefusal()) log.warn("member.refused", { id, address: ask.address, why });
      throw new DarnerError("trust.join", `cannot join the cluster: ${why}`);
    }
    const { role } = token;
    const spent = this.#joinedWith(id, token) ? undefined : { ...token, usesLeft: token.usesLeft - 1 };
    const certificate = await this.#certify(
      { id, role, name: ask.name, address: ask.address, joinedWith: token.id },
      ask.publicKey,
      spent,
    );
    await this.#forgetOneTooMany();
    log.info("member.joined", { id, role, name: ask.name, address: ask.address });
    return { certificate, role };
  }

  /** The same key asks again: its answer was lost. */
  #joinedWith(id: string, token: InvitationRecord): boolean {
    return this.#members.get(id)?.joinedWith === token.id;
  }

  #joinProblem(ask: JoinAsk, id: string, token: InvitationRecord | undefined): string | undefined {
    const anew = "ask for another one: darner member invite";
    // First of all, since it costs nothing: who guesses is not worth the check of a signature.
    if (token === undefined) return `the token is unknown here; ${anew}`;
    if (!signatureHolds(ask.publicKey, "join", joinProof(ask.token, ask.publicKey), ask.signature)) {
      return "the key that should become a member did not sign the question";
    }
    if (token.endsAtMs <= this.#options.clock.wallMs()) return `the token has ended; ${anew}`;
    if (this.isRevoked(id)) return "this key was revoked; remove it to join with a new one";
    if (this.#joinedWith(id, token)) return undefined;
    if (token.usesLeft <= 0) return `the token was used already; ${anew}`;
    const hasRoom = this.#members.size < membersMax || this.#members.has(id);
    return hasRoom || this.#endedLongest() !== undefined ? undefined : "the cluster is full";
  }

  #endedLongest(): MemberRecord | undefined {
    const wallMs = this.#options.clock.wallMs();
    let longest: MemberRecord | undefined;
    for (const member of this.#members.values()) {
      if (member.revokedAtMs !== null || member.endsAtMs > wallMs) continue;
      if (longest === undefined || member.endsAtMs < longest.endsAtMs) longest = member;
    }
    return longest;
  }

  async #forgetOneTooMany(): Promise<void> {
    const ended = this.#members.size > membersMax ? this.#endedLongest() : undefined;
    if (ended === undefined) return;
    await this.#options.store.deleteRecord("member", ended.id);
    this.#members.delete(ended.id);
    this.#options.log.info("member.forgotten", { id: ended.id, name: ended.name, endedAtMs: ended.endsAtMs });
  }

  /** A new certificate for a member that has proved its key. Throws `trust.credential` once it is revoked. */
  async renew(id: string, publicKey: string): Promise<string> {
    const member = this.#members.get(id);
    if (member === undefined || member.revokedAtMs !== null || keyId(publicKey) !== id) {
      throw new DarnerError("trust.credential", `cannot renew the certificate of ${id}: it is no member; join again`);
    }
    return await this.#certify(member, publicKey);
  }

  /** For a process that this one starts itself. */
  async admit(role: JoinableRole, key: SigningKey, name: string): Promise<string> {
    return await this.#certify({ id: key.id, role, name, address: "", joinedWith: null }, key.publicKey);
  }

  /** The service's own certificate; it is no member that could be revoked. */
  ownCertificate(publicKey: string): string {
    return this.#sign("config-service", publicKey);
  }

  /** False when there is no such member. */
  async revoke(id: string): Promise<boolean> {
    const { clock, log } = this.#options;
    const member = isMemberId(id) ? this.#members.get(id) : undefined;
    if (member === undefined) return false;
    await this.#keepMember({ ...member, revokedAtMs: member.revokedAtMs ?? clock.wallMs() });
    log.warn("member.revoked", { id, role: member.role, name: member.name });
    await this.#tellRevoked();
    return true;
  }

  async #tellRevoked(): Promise<void> {
    const wallMs = this.#options.clock.wallMs();
    const revoked = this.members.filter(({ revokedAtMs, endsAtMs }) => revokedAtMs !== null && endsAtMs > wallMs);
    await this.#options.onRevoked(revoked.map(({ id }) => id).sort());
  }

  async #certify(
    member: Pick<MemberRecord, "id" | "role" | "name" | "address" | "joinedWith">,
    publicKey: string,
    spent?: InvitationRecord,
  ): Promise<string> {
    const { clock, certificateLifeMs } = this.#options;
    const wallMs = clock.wallMs();
    const { id, role, name, address, joinedWith } = member;
    const joinedAtMs = this.#members.get(id)?.joinedAtMs ?? wallMs;
    const endsAtMs = wallMs + certificateLifeMs;
    await this.#keepMember({ id, role, name, address, joinedAtMs, endsAtMs, revokedAtMs: null, joinedWith }, spent);
    return this.#sign(role, publicKey);
  }

  #sign(role: MemberRole, publicKey: string): string {
    const { clock, random, authority, certificateLifeMs: lifeMs } = this.#options;
    return memberCertificate(authority.key, { role, publicKey, lifeMs, wallMs: clock.wallMs(), random });
  }

  async #keepMember(member: MemberRecord, spent?: InvitationRecord): Promise<void> {
    const record = { kind: "member", id: member.id, value: { ...member } } as const;
    await (spent === undefined ? this.#options.store.putRecords(record) : this.#keepToken(spent, record));
    this.#members.set(member.id, member);
  }

  /** In memory first: two that come at once with a token for one are not both let in. */
  async #keepToken(token: InvitationRecord, ...others: readonly KindRecord[]): Promise<void> {
    const before = this.#tokens.get(token.id);
    this.#tokens.set(token.id, token);
    try {
      await this.#options.store.putRecords({ kind: "join-token", id: token.id, value: { ...token } }, ...others);
    } catch (error) {
      if (before === undefined) this.#tokens.delete(token.id);
      else this.#tokens.set(token.id, before);
      throw error;
    }
  }

  async #forgetEndedTokens(): Promise<void> {
    const wallMs = this.#options.clock.wallMs();
    for (const { id, endsAtMs } of this.#tokens.values()) {
      if (endsAtMs > wallMs) continue;
      this.#tokens.delete(id);
      await this.#options.store.deleteRecord("join-token", id);
    }
  }
}

/** Throws `trust.join` for an ask that is none. */
export function readJoinAsk(body: unknown, address: string): JoinAsk {
  const ask = (body ?? {}) as Partial<JoinAsk>;
  const texts = [ask.token, ask.publicKey, ask.signature].every(
    (text) => typeof text === "string" && text.length < 512,
  );
  const named = typeof ask.name === "string" && /^[\w.-]{0,64}$/.test(ask.name);
  if (texts && named) return { ...(ask as JoinAsk), address };
  throw new DarnerError("trust.join", "cannot join the cluster: the question is not of this version's form");
}

/** Throws `usage`. */
export function readInvitation(body: unknown): Invitation {
  const { role, uses, lifeMs } = (body ?? {}) as Partial<Invitation>;
  const whole = (value: unknown, max: number): boolean =>
    Number.isSafeInteger(value) && Number(value) >= 1 && Number(value) <= max;
  if (isJoinableRole(role) && whole(uses, usesMax) && whole(lifeMs, 365 * 86_400_000)) {
    return { role, uses: Number(uses), lifeMs: Number(lifeMs) };
  }
  throw new DarnerError("usage", "cannot make a join token: it should be {role: host or manager, uses, lifeMs}");
}

function full(why: string): DarnerError {
  return new DarnerError("cluster.refused", `cannot make a join token: ${why}`, { facts: { httpStatus: 409 } });
}
