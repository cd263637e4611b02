/**
 * The name of an image as people write it, `[REGISTRY/]REPOSITORY[:TAG][@DIGEST]`, in the form that
 * Docker gave it and OCI kept: no registry means docker.io, one word there means library/WORD, no tag
 * and no digest means latest. (distribution/reference, normalized names.)
 */

import { DarnerError } from "#base/mod.ts";
import { readImageDigest } from "./image-digest.ts";

export interface ImageReference {
  /** `HOST` or `HOST:PORT`, as in the name. */
  readonly registry: string;
  readonly repository: string;
  readonly tag?: string;
  /** `sha256:HEX` or `sha512:HEX`. */
  readonly digest?: string;
}

export const dockerHub = "docker.io";
const repositoryLengthMax = 255;
/** A host's name and its port; the pattern's time grows with the square of the length. */
const registryLengthMax = 261;
const repositoryPattern = /^[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*(?:\/[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*)*$/;
export const tagPattern = /^\w[\w.-]{0,127}$/;
const registryPattern = /^(?:[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?|\[[0-9a-f:.]+\])(?::\d{1,5})?$/i;

/** Throws `usage`. */
export function parseImageReference(text: string): ImageReference {
  const refuse = (why: string): DarnerError =>
    new DarnerError("usage", `cannot read the image name "${text}": ${why}; it should be [REGISTRY/]NAME[:TAG]`);
  const at = text.indexOf("@");
  const digest = at < 0 ? undefined : readImageDigest(text.slice(at + 1));
  if (at >= 0 && digest === undefined) throw refuse("what follows the @ is no sha256: or sha512: digest");
  const named = at < 0 ? text : text.slice(0, at);
  const slash = named.indexOf("/");
  const first = named.slice(0, Math.max(slash, 0));
  const hasRegistry = slash > 0 && isRegistryName(first);
  const registry = hasRegistry ? first : dockerHub;
  const path = hasRegistry ? named.slice(slash + 1) : named;
  const colon = path.lastIndexOf(":");
  const tag = colon < 0 ? undefined : path.slice(colon + 1);
  if (tag !== undefined && !tagPattern.test(tag)) throw refuse(`"${tag}" is no tag`);
  const bare = colon < 0 ? path : path.slice(0, colon);
  const repository = registry === dockerHub && !bare.includes("/") ? `library/${bare}` : bare;
  if (!isRepository(repository)) throw refuse(`"${bare}" is no repository`);
  const latest = tag === undefined && digest === undefined ? { tag: "latest" } : {};
  return {
    registry,
    repository,
    ...latest,
    ...(tag === undefined ? {} : { tag }),
    ...(digest === undefined ? {} : { digest }),
  };
}

export function isRepository(text: string): boolean {
  return text.length <= repositoryLengthMax && repositoryPattern.test(text);
}

/** What tells a registry from the first word of a repository: a dot, a port, or localhost. */
export function isRegistryName(text: string): boolean {
  return text.length <= registryLengthMax && registryPattern.test(text) && (/[.:]/.test(text) || text === "localhost");
}
