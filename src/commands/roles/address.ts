/** Which of its addresses a role tells others. */

import { networkInterfaces } from "node:os";

/** A wildcard is no address that others can reach: the first one beyond loopback is. */
export function ownAddress(listenHost: string): string {
  if (!isWildcard(listenHost)) return listenHost;
  for (const addresses of Object.values(networkInterfaces())) {
    for (const entry of addresses ?? []) if (!entry.internal && entry.family === "IPv4") return entry.address;
  }
  return "127.0.0.1";
}

/** Every interface, so no address of its own. */
export function isWildcard(listenHost: string): boolean {
  return listenHost === "0.0.0.0" || listenHost === "::";
}

export function httpUrl(address: string, port: number, secure = false): string {
  return `${secure ? "https" : "http"}://${address.includes(":") ? `[${address}]` : address}:${port}`;
}
