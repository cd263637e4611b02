/**
 * Who asks, as far as the connection tells: a user of this machine's unix socket, somebody at an
 * address, or a member of the cluster, who has proved the key of a certificate. What cannot be told,
 * because the connection is gone already, is nobody in particular.
 */

import type { X509Certificate } from "node:crypto";
import type { IncomingMessage } from "node:http";
import { isLoopbackAddress, parseAddress } from "#core/placement/mod.ts";
import type { Member } from "#core/model/mod.ts";
import { memberOf } from "../keys/certificates.ts";

export type Caller =
  /** The permissions of the socket's file have let it in. */
  | { readonly kind: "socket" }
  /** `why`: what is wrong with the certificate that it showed. */
  | { readonly kind: "address"; readonly address: string | undefined; readonly why?: string }
  | { readonly kind: "member"; readonly address: string | undefined; readonly member: Member };

/** What is read of a socket; that of TLS has the second part. */
interface CallerSocket {
  readonly remoteAddress?: string | undefined;
  readonly server?: { address?(): unknown };
  readonly encrypted?: boolean;
  readonly authorized?: boolean;
  readonly authorizationError?: Error | string | null;
  getPeerX509Certificate?(): X509Certificate | undefined;
}

export function callerOf(request: IncomingMessage): Caller {
  const socket = request.socket as CallerSocket;
  const address = callerAddress(request);
  if (socket.encrypted === true) return certified(socket, address);
  return address === undefined && cameOverUnixSocket(socket) ? { kind: "socket" } : { kind: "address", address };
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

function certified(socket: CallerSocket, address: string | undefined): Caller {
  const found = socket.getPeerX509Certificate?.();
  if (found === undefined) return { kind: "address", address };
  if (socket.authorized !== true) {
    const error = socket.authorizationError;
    return { kind: "address", address, why: error instanceof Error ? error.message : (error ?? "it does not count") };
  }
  const member = memberOf(found);
  return member === undefined
    ? { kind: "address", address, why: "it names no member" }
    : { kind: "member", address, member };
}

/** Asks what the server listens on: a TCP connection that was reset has no remote address either. */
function cameOverUnixSocket(socket: CallerSocket): boolean {
  return typeof socket.server?.address?.() === "string";
}
