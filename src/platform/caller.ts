/**
 * Who asks, as far as the connection tells: a user of this machine's unix socket, somebody at an
 * address, or a member of the cluster, who has proved the key of a certificate. What cannot be told,
 * because the connection is gone already, is nobody in particular.
 */

import type { IncomingMessage } from "node:http";
import { isLoopbackAddress, parseAddress } from "#core/placement/mod.ts";

export type Caller =
  /** The permissions of the socket's file have let it in. */
  { readonly kind: "socket" } | { readonly kind: "address"; readonly address: string | undefined };

export function callerOf(request: IncomingMessage): Caller {
  const address = callerAddress(request);
  return address === undefined && cameOverUnixSocket(request) ? { kind: "socket" } : { kind: "address", address };
}

/** The address a request came from, or undefined over a unix socket or a connection that is gone. */
export function callerAddress(request: IncomingMessage): string | undefined {
  const address = request.socket.remoteAddress;
  return address === undefined || parseAddress(address) === undefined ? undefined : address;
}

/** On this machine: over the unix socket or from a loopback address. */
export function isLocal(caller: Caller): boolean {
  return caller.kind === "socket" || (caller.address !== undefined && isLoopbackAddress(caller.address));
}

/** Asks what the server listens on: a TCP connection that was reset has no remote address either. */
function cameOverUnixSocket(request: IncomingMessage): boolean {
  const { server } = request.socket as { readonly server?: { address?(): unknown } };
  return typeof server?.address?.() === "string";
}
