/**
 * Rules of the proxy as a forward proxy, `PATTERN=ACTION`: what happens to a request, by the URL that
 * its client wrote. The first pattern that fits decides; without one a request goes its usual way.
 */

import { matchesWildcard } from "./wildcard.ts";

export type ForwardAction =
  /** Content by digest through the swarm, everything else straight: what happens without a rule. */
  | { readonly kind: "swarm" }
  | { readonly kind: "direct" }
  | { readonly kind: "refuse" }
  /** Asked over https, though the client wrote http. */
  | { readonly kind: "https" }
  /** Asked of another server: scheme, host and port. */
  | { readonly kind: "redirect"; readonly base: string };

export interface ForwardRule {
  /** A whole URL without its query, `*` for any characters. */
  readonly pattern: string;
  readonly action: ForwardAction;
}

export function findForwardAction(rules: readonly ForwardRule[], url: string): ForwardAction {
  const bare = url.split(/[?#]/, 1)[0]!;
  return rules.find(({ pattern }) => matchesWildcard(pattern, bare))?.action ?? { kind: "swarm" };
}

/** Host and port of a CONNECT request; undefined when it names none. */
export function readConnectTarget(text: string): { readonly host: string; readonly port: number } | undefined {
  const match = /^(\[[0-9a-f:.]{2,45}\]|[a-z0-9._-]{1,253}):(\d{1,5})$/i.exec(text);
  const port = Number(match?.[2]);
  if (match === null || port === 0 || port > 65_535) return undefined;
  return { host: match[1]!.toLowerCase().replaceAll(/[[\]]/g, ""), port };
}

/** `HOST` stands for every port, `HOST:PORT` for one, `*.HOST` for all below it. */
export function isIntercepted(hosts: readonly string[], host: string, port: number): boolean {
  return hosts.some((listed) => {
    const [, name = "", only] = /^(.*?)(?::(\d+))?$/.exec(listed) ?? [];
    if (only !== undefined && Number(only) !== port) return false;
    return name.startsWith("*.") ? host.endsWith(name.slice(1)) : host === name;
  });
}
