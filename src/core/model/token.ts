/**
 * The text of a token: `darner_host_SECRET.AUTHORITY` and `darner_manager_…` make a member of that role,
 * `darner_api_…` lets an operator or a program ask. AUTHORITY is the SHA-256 of the certificate of the
 * cluster's authority, so that whoever holds a token knows at the first contact whether it is this
 * cluster that answers.
 */

import type { JoinableRole } from "./member.ts";

export interface Token {
  readonly kind: JoinableRole | "api";
  /** 24 random bytes, base64url. */
  readonly secret: string;
  /** 32 bytes, base64url. */
  readonly authority: string;
}

export const tokenSecretBytes = 24;

export function writeToken({ kind, secret, authority }: Token): string {
  return `darner_${kind}_${secret}.${authority}`;
}

/** Undefined when the text is no token. */
export function readToken(text: string): Token | undefined {
  const match = /^darner_(host|manager|api)_([\w-]{32})\.([\w-]{43})$/.exec(text);
  if (match === null) return undefined;
  return { kind: match[1] as Token["kind"], secret: match[2]!, authority: match[3]! };
}

/** What the holder of a key signs to join with it. */
export function joinProof(token: string, publicKey: string): string {
  return `${token}\n${publicKey}`;
}

/** What an operator's token allows; admin is everything. */
export const scopes = ["read", "preheat", "admin"] as const;
export type Scope = (typeof scopes)[number];

export function isScope(text: unknown): text is Scope {
  return scopes.some((scope) => scope === text);
}
