/**
 * Who may call a route: the server asks before the handler runs, so that no handler can forget to.
 *
 * 1. What is `open` is answered to anybody; `own-credential` leaves the asking to the handler.
 * 2. A web page changes nothing, whoever's browser it sits in: a browser tells its origin with each
 *    request that could change something, and a page reaches loopback through its reader's browser.
 * 3. With `--trust off` everybody else may do everything. With trust, and as long as the process
 *    belongs to no cluster, so may the users of this machine, and nobody else; they ask for it by a name
 *    of this machine, since a page's own name may have been pointed at loopback.
 * 4. A member of a cluster asks everybody for a credential, callers on its own machine too: a
 *    certificate of the cluster that was not revoked, or an operator's token with the scope. Only who
 *    came over a unix socket was let in by its file's permissions.
 * 5. Each refusal is logged with its cause, a bounded number of them a second.
 */

import type { IncomingHttpHeaders } from "node:http";
import { DarnerError } from "#base/mod.ts";
import type { Member, Scope } from "#core/model/mod.ts";
import { callerOf, isLocal, type Caller } from "#platform/sockets/caller.ts";
import type { Clock } from "#platform/machine/clock.ts";
import type { Admission, Right, RouteAccess } from "#platform/http-server/server.ts";
import { logBudget } from "#platform/telemetry/log-budget.ts";
import type { Log } from "#platform/telemetry/log.ts";
import { isThisMachine } from "./trust.ts";

/** What a member of a cluster knows of others. */
export interface Acquaintance {
  isRevoked(id: string): boolean;
  /** The scopes of an operator's token; undefined when it is unknown or has ended. */
  scopesOf(token: string): Promise<readonly Scope[] | undefined>;
}

export interface GateOptions {
  readonly trust: boolean;
  readonly clock: Clock;
  readonly log: Log;
  /** Undefined while the process belongs to no cluster. */
  readonly cluster?: Acquaintance | undefined;
}

const refusalsLoggedPerSecond = 10;

export function createGate(options: GateOptions): Admission {
  const mayLog = logBudget(options.clock, refusalsLoggedPerSecond);
  return async (route, request) => {
    const { access, method, path } = route;
    if (access === "open" || access === "own-credential") return;
    const caller = callerOf(request);
    const refused = await refusal(options, access, method !== "GET", request.headers, caller);
    if (refused === undefined) return;
    if (mayLog()) options.log.warn("access.refused", { method, path, remote: remoteOf(caller), why: refused.why });
    throw new DarnerError(refused.code, `cannot answer ${method} ${path}: ${refused.why}`);
  };
}

interface Refusal {
  readonly code: "trust.credential" | "trust.right";
  readonly why: string;
}

async function refusal(
  { trust, clock, cluster }: GateOptions,
  access: Exclude<RouteAccess, string>,
  changes: boolean,
  headers: Pick<IncomingHttpHeaders, "origin" | "authorization" | "host">,
  caller: Caller,
): Promise<Refusal | undefined> {
  if (changes && headers.origin !== undefined) {
    return { code: "trust.right", why: "the request comes from a web page; use darner or curl" };
  }
  if (!trust || caller.kind === "socket") return undefined;
  if (cluster === undefined) {
    const next = "run the command there, or let this process join a cluster";
    if (!isLocal(caller)) return { code: "trust.credential", why: `only callers on this machine may; ${next}` };
    return meansThisMachine(headers.host) ? undefined : { code: "trust.right", why: "it was asked under another name" };
  }
  const token = /^Bearer ([\w.~+/=-]{1,256})$/.exec(headers.authorization ?? "")?.[1];
  if (token !== undefined) return refusalOfScopes(access, await cluster.scopesOf(token));
  if (caller.kind === "member") return refusalOfMember(access, caller.member, cluster, clock.wallMs());
  const shown = caller.why === undefined ? "none was shown" : `the certificate shown does not count (${caller.why})`;
  return { code: "trust.credential", why: `it needs a member's certificate or an operator's token; ${shown}` };
}

/** A page whose name was pointed at loopback (DNS rebinding) asks under that name. */
function meansThisMachine(host: string | undefined): boolean {
  return host === undefined || isThisMachine(URL.parse(`http://${host}`)?.hostname ?? "");
}

function refusalOfScopes(
  access: Exclude<RouteAccess, string>,
  scopes: readonly Scope[] | undefined,
): Refusal | undefined {
  if (scopes === undefined) return { code: "trust.credential", why: "the token is unknown, revoked or has ended" };
  const covers = (right: Right): boolean =>
    right === "read" || right === "preheat" || right === "admin"
      ? scopes.includes("admin") || scopes.includes(right)
      : false;
  if (access.some(covers)) return undefined;
  return { code: "trust.right", why: `the token's scope is ${scopes.join(", ")}; it should be ${access.join(" or ")}` };
}

function refusalOfMember(
  access: Exclude<RouteAccess, string>,
  { role, id, endsAtMs }: Member,
  cluster: Acquaintance,
  wallMs: number,
): Refusal | undefined {
  if (cluster.isRevoked(id)) return { code: "trust.credential", why: `the member ${id} was revoked` };
  if (endsAtMs < wallMs) return { code: "trust.credential", why: `the certificate of the member ${id} has ended` };
  if (role !== "config-service" && access.includes(role)) return undefined;
  return { code: "trust.right", why: `the caller is a ${role}; it should be ${access.join(" or ")}` };
}

function remoteOf(caller: Caller): string | undefined {
  return caller.kind === "socket" ? "socket" : caller.address;
}
