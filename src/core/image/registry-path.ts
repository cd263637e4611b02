/**
 * What a path of a registry asks for (OCI distribution, end-1 to end-12). Content is what has its
 * digest in its name: a blob, or a manifest asked for by digest. A tag is a name that may move.
 * Everything else (uploads, lists, referrers, deletes) is the registry's own business.
 */

import { readImageDigest } from "./image-digest.ts";
import { isRepository, tagPattern } from "./reference.ts";

export type RegistryPath =
  | { readonly kind: "base" }
  | { readonly kind: "blob" | "manifest"; readonly repository: string; readonly digest: string }
  | { readonly kind: "tag"; readonly repository: string; readonly tag: string }
  | { readonly kind: "other" };

const other = { kind: "other" } as const;

/** `path` without the query. A percent sign anywhere but in the digest's colon makes it "other". */
export function readRegistryPath(path: string): RegistryPath {
  if (path === "/v2" || path === "/v2/") return { kind: "base" };
  const match = /^\/v2\/(.{1,512})\/(blobs|manifests)\/([^/]{1,256})$/.exec(path);
  if (match === null) return other;
  const [, repository, what, last] = match as unknown as [string, string, string, string];
  if (!isRepository(repository)) return other;
  const digest = readImageDigest(last.replace(/%3a/i, ":"));
  if (digest !== undefined) return { kind: what === "blobs" ? "blob" : "manifest", repository, digest };
  if (what === "manifests" && tagPattern.test(last)) return { kind: "tag", repository, tag: last };
  return other;
}

export function blobPath(repository: string, digest: string): string {
  return `/v2/${repository}/blobs/${digest}`;
}

/** `reference` is a tag or a digest. */
export function manifestPath(repository: string, reference: string): string {
  return `/v2/${repository}/manifests/${reference}`;
}
