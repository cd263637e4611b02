/**
 * A member of a cluster: a process that has proved its key and holds a certificate of the cluster's
 * authority. A certificate says what a member is, never where it is, so that a machine may move, and
 * nobody becomes a manager by asking for an address. Its one name is its role's; `.internal` is kept
 * for such use (ICANN, 2024).
 */

export const memberRoles = ["config-service", "manager", "host"] as const;
export type MemberRole = (typeof memberRoles)[number];

/** What those who dial a member expect in its certificate, whatever address they dial. */
export function memberName(role: MemberRole): string {
  return `${role}.darner.internal`;
}

export function roleOfName(name: string): MemberRole | undefined {
  return memberRoles.find((role) => memberName(role) === name);
}

/** What a join token may make of who shows it. */
export type JoinableRole = Exclude<MemberRole, "config-service">;

export function isJoinableRole(text: unknown): text is JoinableRole {
  return text === "manager" || text === "host";
}

/** A member's id is the head of the digest of its key. */
export function isMemberId(text: unknown): text is string {
  return typeof text === "string" && /^[0-9a-f]{32}$/.test(text);
}

/** What a certificate, and so every connection made with it, says of its holder. */
export interface Member {
  readonly role: MemberRole;
  readonly id: string;
  /** SPKI DER, base64. */
  readonly publicKey: string;
  /** Wall clock, ms since 1970. */
  readonly startsAtMs: number;
  readonly endsAtMs: number;
}

/** The cluster's setting that tells everybody who counts no longer: a list of ids, the service's own. */
export const revokedMembersKey = "revoked-members";

/** The ids that are revoked, as the cluster's settings tell. */
export function revokedMembers(settings: Readonly<Record<string, unknown>>): ReadonlySet<string> {
  const told = settings[revokedMembersKey];
  return new Set(Array.isArray(told) ? told.filter(isMemberId) : []);
}
