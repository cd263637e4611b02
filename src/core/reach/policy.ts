/**
 * Which origins may be fetched for whom, so that nobody reads through Darner what his own machine
 * could not (server-side request forgery, CWE-918).
 *
 * A URL is judged before it is asked and after each redirect; an address after the name is resolved,
 * and that very address is connected to, so that a name which changes its answer gains nothing.
 *
 * Invariants:
 *  1. What listens on loopback or link-local, and what clouds tell their own machines, is for callers
 *     that are on loopback themselves, unless the policy opens it.
 *  2. A range that the policy closes is closed to everybody; `open` never opens what `closed` names.
 *  3. An IPv4 address hidden in an IPv6 one (mapped, NAT64, 6to4) is judged as the IPv4 address too.
 */

import { addressInRange, parseAddress, parseRange, type AddressRange } from "#core/placement/mod.ts";

/** Near: on loopback, or on the host's own unix socket. */
export type Caller = "near" | "far";

export interface ReachPolicy {
  readonly schemes: readonly ("http" | "https")[];
  /** `host.example` or `*.example`; none: every host. */
  readonly hosts: readonly string[];
  /** None: every port. */
  readonly ports: readonly number[];
  readonly closed: readonly AddressRange[];
  readonly open: readonly AddressRange[];
  readonly objectBytesMax: number;
  /** For one answer of the origin, from the request to the last byte. */
  readonly answerMsMax: number;
}

const ranges = (...texts: readonly string[]): readonly AddressRange[] => texts.map((text) => parseRange(text)!);

/** What holds where the operator says nothing. */
export const reachByDefault: ReachPolicy = {
  schemes: ["http", "https"],
  hosts: [],
  ports: [],
  closed: [],
  open: [],
  objectBytesMax: Infinity,
  answerMsMax: Infinity,
};

/** For who acts with his own rights alone. */
export const reachEverything: ReachPolicy = { ...reachByDefault, open: ranges("0.0.0.0/0", "::/0") };

/** For callers on loopback alone. */
const nearRanges: readonly { readonly what: string; readonly ranges: readonly AddressRange[] }[] = [
  { what: "loopback", ranges: ranges("127.0.0.0/8", "0.0.0.0/8", "::1", "::") },
  { what: "link-local", ranges: ranges("169.254.0.0/16", "fe80::/10") },
  {
    what: "a cloud's metadata service",
    ranges: ranges("100.100.100.200", "168.63.129.16", "192.0.0.192", "fd00:ec2::254"),
  },
];
const nobodysRanges = ranges("224.0.0.0/4", "255.255.255.255", "ff00::/8");

/** Why the policy does not let this URL be fetched, whatever its host resolves to; null when it does. */
export function urlRefusal(policy: ReachPolicy, url: URL): string | null {
  const scheme = url.protocol.slice(0, -1);
  const { schemes, hosts, ports } = policy;
  if (!schemes.some((allowed) => allowed === scheme)) return `its scheme ${scheme} is not allowed`;
  const host = url.hostname.replace(/\.$/, "");
  if (hosts.length > 0 && !hosts.some((pattern) => hostFits(host, pattern))) return `its host ${host} is not allowed`;
  const port = url.port === "" ? (scheme === "https" ? 443 : 80) : Number(url.port);
  if (ports.length > 0 && !ports.includes(port)) return `its port ${port} is not allowed`;
  return null;
}

/** Why this caller may not reach this address; null when it may. What is no address is refused. */
export function addressRefusal(policy: ReachPolicy, text: string, caller: Caller): string | null {
  const bytes = parseAddress(text);
  if (bytes === undefined) return "it has no address that can be judged";
  for (const address of meanings(bytes)) {
    const holds = (range: AddressRange): boolean => addressInRange(address, range);
    if (policy.closed.some(holds) || nobodysRanges.some(holds)) return "its address is closed by the policy";
    if (policy.open.some(holds) || caller === "near") continue;
    const near = nearRanges.find((kind) => kind.ranges.some(holds));
    if (near !== undefined) return `its address is ${near.what}, which only callers on the same machine may reach`;
  }
  return null;
}

/** Whether this is an address by which every machine means itself or its own link. */
export function isOfOneMachine(text: string): boolean {
  return parseAddress(text) !== undefined && addressRefusal(reachByDefault, text, "far") !== null;
}

/** Whether only callers on the same machine may read what this address gives. */
export function isForNearOnly(policy: ReachPolicy, text: string): boolean {
  return addressRefusal(policy, text, "far") !== null;
}

/** `*.example` is every name below it, not itself. */
function hostFits(host: string, pattern: string): boolean {
  return pattern.startsWith("*.") ? host.endsWith(pattern.slice(1)) && host.length >= pattern.length : host === pattern;
}

const nat64 = ranges("64:ff9b::/96")[0]!;
const sixToFour = ranges("2002::/16")[0]!;
const compatible = ranges("::/96")[0]!;

/** The address, and the IPv4 address that it is a cover of. */
function meanings(bytes: Uint8Array): readonly Uint8Array[] {
  if (addressInRange(bytes, nat64) || addressInRange(bytes, compatible)) return [bytes, bytes.slice(12)];
  if (addressInRange(bytes, sixToFour)) return [bytes, bytes.slice(2, 6)];
  return [bytes];
}
