/**
 * Which registry a request to a mirror means, and where that registry is. In this order:
 *
 *  1. containerd says it: `?ns=REGISTRY`.
 *  2. The path says it: `/v2/REGISTRY/REPOSITORY/...`, as a `location` in registries.conf can (HOST_PORT there).
 *  3. Neither: the default registry (Docker knows mirrors of Docker Hub only).
 *
 * A registry that no rule names is refused: a proxy that goes wherever it is told is a hole.
 */

import { dockerHub, isRegistryName } from "./reference.ts";

/** `NAME=URL`: that registry is reached there. `*`: any other over https, under its own name. */
export interface UpstreamRule {
  readonly name: string;
  readonly url?: string;
}

export interface Upstream {
  /** As in image names. */
  readonly registry: string;
  /** Scheme, host and port. */
  readonly base: string;
}

const hubHosts: readonly string[] = [dockerHub, "index.docker.io", "registry-1.docker.io"];

/** Undefined where no rule lets the registry through. */
export function findUpstream(rules: readonly UpstreamRule[], registry: string): Upstream | undefined {
  if (!isRegistryName(registry)) return undefined;
  // Docker Hub has three names and one address.
  const name = hubHosts.includes(registry) ? dockerHub : registry;
  const rule = rules.find((candidate) => candidate.name === name) ?? rules.find((candidate) => candidate.name === "*");
  if (rule === undefined) return undefined;
  const own = name === dockerHub ? "https://registry-1.docker.io" : `https://${name}`;
  return { registry: name, base: rule.name === "*" ? own : (rule.url ?? own) };
}

/** What a request to the mirror asks of whom; `path` is the path at the upstream. */
export interface MirrorTarget {
  readonly registry: string;
  readonly path: string;
}

export function mirrorTarget(
  path: string,
  query: URLSearchParams,
  defaultRegistry: string,
  known: (registry: string) => boolean,
): MirrorTarget {
  const named = query.get("ns");
  if (named !== null) return { registry: named.replace(/^https?:\/\//, ""), path };
  const match = /^\/v2\/([^/]+)\/(.+)$/.exec(path);
  // A path of an image name has no colon: `reg.test_5000` stands for reg.test:5000.
  const first = match?.[1]?.replace(/(?:%3a|_)(\d{1,5})$/i, ":$1");
  if (first !== undefined && isRegistryName(first) && known(first))
    return { registry: first, path: `/v2/${match![2]!}` };
  return { registry: defaultRegistry, path };
}
