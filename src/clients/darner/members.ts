/** `darner member` and `darner token`: who belongs to a cluster, and what operators may do in it. */

import { DarnerError } from "#base/mod.ts";
import type { HttpJson, JsonRequest } from "#platform/http-asks/json.ts";
import { table } from "./table.ts";

/** A config service, by its URL or through its own machine's socket. */
export type ConfigServicePlace = { readonly url: string } | { readonly socketPath: string };

const answerTimeoutMs = 10_000;

export interface ListedMember {
  readonly id: string;
  readonly role: string;
  readonly name: string;
  readonly address: string;
  readonly endsAtMs: number;
  readonly revokedAtMs: number | null;
}

export interface ListedInvitation {
  readonly id: string;
  readonly role: string;
  readonly usesLeft: number;
  readonly endsAtMs: number;
}

export interface ListedToken {
  readonly name: string;
  readonly scopes: readonly string[];
  readonly endsAtMs: number | null;
}

/** One question to the config service. Rejects as `HttpJson.request` does. */
export async function askConfigService(
  http: HttpJson,
  place: ConfigServicePlace,
  method: JsonRequest["method"],
  path: string,
  body?: unknown,
): Promise<Record<string, unknown>> {
  const base = "url" in place ? place.url : "http://config-service";
  const answer = await http.request({
    method,
    url: new URL(path, base),
    role: "config-service",
    timeoutMs: answerTimeoutMs,
    ...("socketPath" in place ? { socketPath: place.socketPath } : {}),
    ...(body === undefined ? {} : { body }),
  });
  if (typeof answer === "object" && answer !== null) return answer as Record<string, unknown>;
  throw new DarnerError("cluster.protocol", `cannot ${method} ${path}: the answer is not a config service's`);
}

export function memberTable(members: readonly ListedMember[], wallMs: number): string {
  return table(
    ["ID", "ROLE", "NAME", "JOINED FROM", "CERTIFICATE"],
    members.map((member) => [
      member.id,
      member.role,
      member.name || "-",
      member.address || "-",
      standing(member, wallMs),
    ]),
    "nobody has joined",
  );
}

export function invitationTable(invitations: readonly ListedInvitation[], wallMs: number): string {
  return table(
    ["ID", "ROLE", "USES LEFT", "ENDS"],
    invitations.map(({ id, role, usesLeft, endsAtMs }) => [
      id.slice(0, 12),
      role,
      String(usesLeft),
      inTime(endsAtMs - wallMs),
    ]),
    "no join token counts now",
  );
}

export function tokenTable(tokens: readonly ListedToken[], wallMs: number): string {
  return table(
    ["NAME", "SCOPES", "ENDS"],
    tokens.map(({ name, scopes, endsAtMs }) => [
      name,
      scopes.join(","),
      endsAtMs === null ? "never" : inTime(endsAtMs - wallMs),
    ]),
    "there are no tokens",
  );
}

function standing({ revokedAtMs, endsAtMs }: ListedMember, wallMs: number): string {
  if (revokedAtMs !== null) return "revoked";
  return endsAtMs <= wallMs ? "ended" : `ends ${inTime(endsAtMs - wallMs)}`;
}

function inTime(ms: number): string {
  if (ms <= 0) return "ended";
  const hours = ms / 3_600_000;
  if (hours < 1) return `in ${Math.ceil(ms / 60_000)} min`;
  return hours < 48 ? `in ${Math.round(hours)} h` : `in ${Math.round(hours / 24)} days`;
}
