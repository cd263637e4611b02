/**
 * Finding a route by method and path, without a socket in sight. A path matches whole: no prefixes,
 * no trailing slash forgiven. A literal part wins over a `:name` part in the same place, so the order
 * in which routes were given never matters.
 */

import { assert } from "#base/mod.ts";
import type { Route } from "./server.ts";

export type RouteMatch =
  | { readonly kind: "found"; readonly route: Route; readonly params: Readonly<Record<string, string>> }
  /** The path is known, the method is not; `allow` lists those that are. */
  | { readonly kind: "wrong-method"; readonly allow: readonly string[] }
  /** A `%` that encodes nothing. */
  | { readonly kind: "malformed" }
  | { readonly kind: "unknown" };

export type RouteTable = (method: string, path: string) => RouteMatch;

interface Compiled {
  readonly route: Route;
  readonly parts: readonly string[];
}

/** Two routes with the same method and the same shape of path are a bug. */
export function routeTable(routes: readonly Route[]): RouteTable {
  const shapes = new Set<string>();
  for (const route of routes) {
    assert(route.path.startsWith("/"), `the path of a route starts with a slash: ${route.path}`);
    const shape = `${route.method} ${route.path.replaceAll(/:[^/]+/g, ":")}`;
    assert(!shapes.has(shape), `a method and path have one route: ${shape}`);
    shapes.add(shape);
  }
  const compiled = routes
    .map((route) => ({ route, parts: route.path.split("/") }))
    .toSorted((a, b) => specificity(b.parts) - specificity(a.parts));
  return (method, path) => find(compiled, method === "HEAD" ? "GET" : method, path.split("/"));
}

/** Sorts literal parts before named ones, the leftmost difference first: as a fraction in binary digits. */
function specificity(parts: readonly string[]): number {
  return parts.reduce((sum, part, index) => (part.startsWith(":") ? sum : sum + 2 ** -index), 0);
}

function find(compiled: readonly Compiled[], method: string, parts: readonly string[]): RouteMatch {
  const allow = new Set<string>();
  for (const { route, parts: pattern } of compiled) {
    if (!fits(pattern, parts)) continue;
    if (route.method !== method) {
      allow.add(route.method);
      if (route.method === "GET") allow.add("HEAD");
      continue;
    }
    const params = readParams(pattern, parts);
    return params === undefined ? { kind: "malformed" } : { kind: "found", route, params };
  }
  return allow.size > 0 ? { kind: "wrong-method", allow: [...allow] } : { kind: "unknown" };
}

function fits(pattern: readonly string[], parts: readonly string[]): boolean {
  return (
    pattern.length === parts.length &&
    pattern.every((part, index) => (part.startsWith(":") ? parts[index] !== "" : part === parts[index]))
  );
}

function readParams(pattern: readonly string[], parts: readonly string[]): Record<string, string> | undefined {
  const params: Record<string, string> = {};
  try {
    pattern.forEach((part, index) => {
      if (part.startsWith(":")) params[part.slice(1)] = decodeURIComponent(parts[index]!);
    });
  } catch {
    return undefined;
  }
  return params;
}
