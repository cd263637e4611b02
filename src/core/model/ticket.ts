/**
 * A ticket: the short-lived right of one host to fetch one task from peers, signed by its manager.
 *
 * On the wire it is `BASE64URL(JSON) "." BASE64URL(signature)`; the signature is over the first part.
 * This file knows the claims; keys and signatures belong to the platform.
 */

export interface TicketClaims {
  readonly task: string;
  readonly host: string;
  /** Wall clock, ms since 1970. */
  readonly expiresAtMs: number;
}

export const ticketLifeMs = 10 * 60_000;
/** How far two machines' clocks may differ. */
export const clockSkewMs = 5 * 60_000;

/** Null when the claims admit this; else the reason why not. */
export function ticketFault(
  claims: TicketClaims,
  wanted: { task: string; host: string },
  wallMs: number,
): string | null {
  if (claims.task !== wanted.task) return "the ticket is for another task";
  if (claims.host !== wanted.host) return "the ticket is for another host";
  if (wallMs > claims.expiresAtMs + clockSkewMs) return "the ticket has expired";
  return null;
}

/** The claims in a ticket's JSON, or null when it is malformed. */
export function parseClaims(json: string): TicketClaims | null {
  try {
    const value = JSON.parse(json) as Partial<TicketClaims>;
    const { task, host, expiresAtMs } = value;
    if (typeof task !== "string" || typeof host !== "string" || typeof expiresAtMs !== "number") return null;
    return { task, host, expiresAtMs };
  } catch {
    return null;
  }
}
