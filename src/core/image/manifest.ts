/**
 * Manifests and indexes (OCI image-spec 1.1, Docker image manifest v2 schema 2), read from bytes that
 * anybody may have made: whole and of the right form, or not at all. Only what Darner needs comes out.
 */

import { readImageDigest } from "./image-digest.ts";

export interface Descriptor {
  readonly mediaType: string;
  readonly digest: string;
  readonly sizeBytes: number;
  readonly platform?: Platform;
}

export interface Platform {
  readonly os: string;
  readonly architecture: string;
  readonly variant?: string;
}

export type ImageManifest =
  | {
      readonly kind: "image";
      readonly mediaType: string;
      readonly config: Descriptor;
      readonly layers: readonly Descriptor[];
    }
  | { readonly kind: "index"; readonly mediaType: string; readonly manifests: readonly Descriptor[] };

/** Registries take manifests of at least 4 MiB; no real one is longer. */
export const manifestBytesMax = 4 * 1024 * 1024;
const childrenMax = 4096;

const imageTypes = [
  "application/vnd.oci.image.manifest.v1+json",
  "application/vnd.docker.distribution.manifest.v2+json",
];
const indexTypes = [
  "application/vnd.oci.image.index.v1+json",
  "application/vnd.docker.distribution.manifest.list.v2+json",
];

/** What Darner asks a registry for: every form that names its content by digest. */
export const manifestAccept = [...imageTypes, ...indexTypes].join(", ");

/** Undefined for what is no manifest that names its content. */
export function readManifest(bytes: Uint8Array): ImageManifest | undefined {
  if (bytes.length > manifestBytesMax) return undefined;
  const value = parseJson(new TextDecoder().decode(bytes));
  if (!isObject(value) || value["schemaVersion"] !== 2) return undefined;
  const told = value["mediaType"];
  if (Array.isArray(value["manifests"]) && value["layers"] === undefined) {
    const manifests = readDescriptors(value["manifests"]);
    const mediaType = told ?? indexTypes[0];
    if (manifests === undefined || !indexTypes.includes(mediaType as string)) return undefined;
    return { kind: "index", mediaType: mediaType as string, manifests };
  }
  const config = readDescriptor(value["config"]);
  const layers = readDescriptors(value["layers"]);
  const mediaType = told ?? imageTypes[0];
  if (config === undefined || layers === undefined || !imageTypes.includes(mediaType as string)) return undefined;
  return { kind: "image", mediaType: mediaType as string, config, layers };
}

/** Whether a client that sends this Accept field takes the type; one that sends none takes all. */
export function accepts(accept: string | undefined, mediaType: string): boolean {
  if (accept === undefined || accept.trim() === "") return true;
  return accept.split(",").some((range) => {
    const name = range.split(";", 1)[0]!.trim().toLowerCase();
    return name === "*/*" || name === mediaType || name === "application/*";
  });
}

/** Everything that the manifest names by digest. */
export function childrenOf(manifest: ImageManifest): readonly Descriptor[] {
  return manifest.kind === "index" ? manifest.manifests : [manifest.config, ...manifest.layers];
}

/** The members of an index for these platforms (`linux/arm64/v8`, the variant may be left out); none named: all. */
export function choosePlatforms(manifests: readonly Descriptor[], wanted: readonly string[]): readonly Descriptor[] {
  if (wanted.length === 0) return manifests;
  return manifests.filter(({ platform }) => {
    if (platform === undefined) return false;
    const { os, architecture, variant } = platform;
    return wanted.includes(`${os}/${architecture}`) || wanted.includes(`${os}/${architecture}/${variant ?? ""}`);
  });
}

function readDescriptors(value: unknown): readonly Descriptor[] | undefined {
  if (!Array.isArray(value) || value.length > childrenMax) return undefined;
  const read = value.map(readDescriptor);
  return read.every((descriptor) => descriptor !== undefined) ? read : undefined;
}

function readDescriptor(value: unknown): Descriptor | undefined {
  if (!isObject(value)) return undefined;
  const { mediaType, digest, size } = value;
  if (typeof mediaType !== "string" || typeof digest !== "string" || !Number.isSafeInteger(size)) return undefined;
  if (readImageDigest(digest) === undefined || (size as number) < 0) return undefined;
  const platform = readPlatform(value["platform"]);
  return { mediaType, digest, sizeBytes: size as number, ...(platform === undefined ? {} : { platform }) };
}

function readPlatform(value: unknown): Platform | undefined {
  if (!isObject(value)) return undefined;
  const { os, architecture, variant } = value;
  if (typeof os !== "string" || typeof architecture !== "string") return undefined;
  return { os, architecture, ...(typeof variant === "string" ? { variant } : {}) };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
