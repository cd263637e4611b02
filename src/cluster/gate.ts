/**
 * Who may call a route: the server asks before the handler runs, so that no handler can forget to.
 *
 * 1. What is `open` is answered to anybody.
 * 2. A web page changes nothing, whoever's browser it sits in: a browser tells its origin with each
 *    request that could change something, and a page reaches loopback through its reader's browser.
 * 3. With `--trust off` everybody else may do everything. With trust, and as long as the process
 *    belongs to no cluster, so may the users of this machine, and nobody else.
 */

import { DarnerError } from "#base/mod.ts";
import { callerOf, isLocal } from "#platform/caller.ts";
import type { Admission } from "#platform/http-server.ts";

export interface GateOptions {
  readonly trust: boolean;
}

export function createGate({ trust }: GateOptions): Admission {
  return async (route, request) => {
    if (route.access === "open") return;
    const action = `answer ${route.method} ${route.path}`;
    if (route.method !== "GET" && request.headers.origin !== undefined) {
      throw new DarnerError("trust.right", `cannot ${action}: the request comes from a web page; use darner or curl`);
    }
    const caller = callerOf(request);
    if (!trust || isLocal(caller)) return;
    throw new DarnerError(
      "trust.credential",
      `cannot ${action}: only callers on this machine may; run the command there, or start the process with --trust off`,
    );
  };
}
