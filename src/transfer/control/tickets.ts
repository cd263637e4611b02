/** Tickets made and checked: the claims of core/model joined with the platform's signatures. */

import { parseClaims, ticketFault, ticketLifeMs } from "#core/model/mod.ts";
import { signatureHolds, type SigningKey } from "#platform/keys/signing.ts";

export function signTicket(key: SigningKey, task: string, host: string, wallMs: number): string {
  const claims = JSON.stringify({ task, host, expiresAtMs: wallMs + ticketLifeMs });
  const encoded = Buffer.from(claims).toString("base64url");
  return `${encoded}.${key.sign("ticket", encoded)}`;
}

/** Why the ticket does not admit `wanted`, or null when it does. `managerKeys`: whoever may sign. */
export function ticketRefusal(
  ticket: string | undefined,
  wanted: { readonly task: string; readonly host: string },
  managerKeys: Iterable<string>,
  wallMs: number,
): string | null {
  const [encoded, signature] = (ticket ?? "").split(".");
  if (encoded === undefined || signature === undefined || ticket!.length > 4096) return "there is no ticket";
  let signed = false;
  for (const key of managerKeys) signed ||= signatureHolds(key, "ticket", encoded, signature);
  if (!signed) return "the ticket is not signed by a manager of this cluster";
  const claims = parseClaims(Buffer.from(encoded, "base64url").toString("utf8"));
  return claims === null ? "the ticket is malformed" : ticketFault(claims, wanted, wallMs);
}
