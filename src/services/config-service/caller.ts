/**
 * Who asks, as far as the socket tells. A caller is local when it came over the unix socket or from a
 * loopback address. What cannot be told, because the connection is gone already, is not local.
 */

import { DarnerError } from "#base/mod.ts";
import { isLoopbackAddress, parseAddress } from "#core/placement/mod.ts";
import type { RouteRequest } from "#platform/http-server.ts";

/** The address a request came from, or undefined over a unix socket or a connection that is gone. */
export function callerAddress(request: RouteRequest): string | undefined {
  const address = request.raw.socket.remoteAddress;
  return address === undefined || parseAddress(address) === undefined ? undefined : address;
}

export function isLocalCaller(request: RouteRequest): boolean {
  const address = callerAddress(request);
  return address === undefined ? cameOverUnixSocket(request) : isLoopbackAddress(address);
}

/**
 * Throws `cluster.refused` unless the caller may change what the cluster knows. Until processes know
 * each other by certificate, that is whoever sits on this machine, or anybody with `--trust off`. A
 * web page never may: a browser tells its origin with each request that could change something, and
 * a page can reach loopback through its reader's browser.
 */
export function assertMayChange(request: RouteRequest, trust: boolean, action: string): void {
  if (request.headers.origin !== undefined) {
    throw new DarnerError("cluster.refused", `cannot ${action}: the request comes from a web page; use darner or curl`);
  }
  if (trust && !isLocalCaller(request)) {
    const why = "only callers on this machine may; run the command there, or start the config service with --trust off";
    throw new DarnerError("cluster.refused", `cannot ${action}: ${why}`);
  }
}

/** Asks what the server listens on: a TCP connection that was reset has no remote address either. */
function cameOverUnixSocket(request: RouteRequest): boolean {
  const { server } = request.raw.socket as { readonly server?: { address?(): unknown } };
  return typeof server?.address?.() === "string";
}
