/**
 * An address rule at work: a name is resolved once, and only what the rule lets pass of the answer is
 * given to the connection, which dials these addresses and no others. A name that answers otherwise
 * the next time (DNS rebinding) is judged anew for each connection.
 */

import { lookup, type LookupAddress } from "node:dns";
import { isIP, type LookupFunction } from "node:net";
import { DarnerError } from "#base/mod.ts";
import type { AddressRule, ReachRule } from "./address-rule.ts";

/** The error of a request that the rule stops; the exchange names the object. */
export class AddressRefused extends Error {}

/** Throws `reach.refused` for a URL whose host is an address that the rule refuses: no name is looked up for it. */
export function checkLiteralAddress(rule: AddressRule, url: URL, name: string): void {
  const host = url.hostname.replace(/^\[(.*)\]$/, "$1");
  const refusal = isIP(host) === 0 ? null : rule.refusal(host);
  if (refusal !== null) throw reachRefused(name, refusal);
}

/** Throws `reach.refused` for a URL that the rule refuses whatever its host's name resolves to. */
export function checkUrl(rule: ReachRule, url: URL, name: string): void {
  const refusal = rule.urlRefusal(url);
  if (refusal !== null) throw reachRefused(name, refusal);
  checkLiteralAddress(rule, url, name);
}

export function reachRefused(name: string, refusal: string): DarnerError {
  const next = "change the origin's reach (--origin-open, --origin-closed) or fetch it from a machine that may";
  return new DarnerError("reach.refused", `cannot fetch ${name}: ${refusal}; ${next}`);
}

type Resolve = (host: string, done: (error: Error | null, found: readonly LookupAddress[]) => void) => void;

const systemResolve: Resolve = (host, done) =>
  lookup(host, { all: true }, (error, found) => done(error, error === null ? found : []));

/** For `net.connect` and `tls.connect`. */
export function ruledLookup(rule: AddressRule, resolve: Resolve = systemResolve): LookupFunction {
  return (host, options, callback) => {
    resolve(host, (error, found) => {
      const open = found.filter(
        ({ address, family }) => fits(family, options.family) && rule.refusal(address) === null,
      );
      if (error !== null) return callback(error, "", 0);
      const first = open[0];
      if (first === undefined) return callback(refusedBy(rule, found), "", 0);
      if (options.all === true) return callback(null, [...open]);
      callback(null, first.address, first.family);
    });
  };
}

function fits(family: number, wanted: unknown): boolean {
  return (wanted !== 4 && wanted !== 6) || family === wanted;
}

function refusedBy(rule: AddressRule, found: readonly LookupAddress[]): Error {
  const refusals = found.map(({ address }) => rule.refusal(address)).filter((refusal) => refusal !== null);
  return new AddressRefused(refusals[0] ?? "it has no address");
}
