/**
 * Where content is at home: the authority and the repository of a registry, or the authority and the
 * path of a file. A right to read is proved at a place from which the cluster itself fetched the bytes
 * to a proved end; that another place says yes to its name proves nothing, for anybody can say yes.
 */

import { readRegistryPath } from "./registry-path.ts";

export function placeOf(url: string): string {
  const { origin, pathname } = new URL(url);
  const path = readRegistryPath(pathname);
  return "repository" in path ? `${origin} repository ${path.repository}` : `${origin} path ${pathname}`;
}
