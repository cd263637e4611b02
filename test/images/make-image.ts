/**
 * Container images made from nothing, as OCI layouts that skopeo can push: deterministic, of any size,
 * no network and no engine needed. The tar has as many files as the layer needs, gzip or zstd around it.
 */

import { createHash } from "node:crypto";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync, zstdCompressSync } from "node:zlib";

export interface LayerScript {
  /** Of the file in it; incompressible. */
  readonly sizeBytes: number;
  readonly seed: number;
  readonly compression?: "gzip" | "zstd" | "none";
}

export interface ImageScript {
  readonly layers: readonly LayerScript[];
  /** More than one makes an index. */
  readonly platforms?: readonly string[];
}

export interface MadeImage {
  /** For `skopeo copy oci:FOLDER:TAG`. */
  readonly folder: string;
  /** What the tag points at. */
  readonly digest: string;
  readonly layers: readonly string[];
  readonly layerBytes: number;
}

interface Descriptor {
  readonly mediaType: string;
  readonly digest: string;
  readonly size: number;
  readonly platform?: { readonly os: string; readonly architecture: string };
}

const prefix = "application/vnd.oci.image";

export function makeImage(folder: string, tag: string, script: ImageScript): MadeImage {
  mkdirSync(join(folder, "blobs", "sha256"), { recursive: true });
  const put = (bytes: Uint8Array, mediaType: string): Descriptor => {
    const hex = createHash("sha256").update(bytes).digest("hex");
    writeFileSync(join(folder, "blobs", "sha256", hex), bytes);
    return { mediaType, digest: `sha256:${hex}`, size: bytes.length };
  };
  const putJson = (value: unknown, mediaType: string) => put(Buffer.from(JSON.stringify(value)), mediaType);
  const layers = script.layers.map((layer, index) => {
    const tar = tarOf(`data-${index}.bin`, noise(layer.sizeBytes, layer.seed));
    const { compression = "gzip" } = layer;
    const packed =
      compression === "gzip" ? gzipSync(tar, { level: 1 }) : compression === "zstd" ? zstdCompressSync(tar) : tar;
    const ending = compression === "none" ? "" : `+${compression}`;
    return { blob: put(packed, `${prefix}.layer.v1.tar${ending}`), diff: sha256(tar) };
  });
  const manifests = (script.platforms ?? ["linux/amd64"]).map((platform) => {
    const [os, architecture] = platform.split("/") as [string, string];
    const rootfs = { type: "layers", diff_ids: layers.map(({ diff }) => diff) };
    const config = putJson({ os, architecture, rootfs, config: {} }, `${prefix}.config.v1+json`);
    const manifest = {
      schemaVersion: 2,
      mediaType: `${prefix}.manifest.v1+json`,
      config,
      layers: layers.map(({ blob }) => blob),
    };
    return { ...putJson(manifest, manifest.mediaType), platform: { os, architecture } };
  });
  const index = { schemaVersion: 2, mediaType: `${prefix}.index.v1+json`, manifests };
  const top = manifests.length === 1 ? manifests[0]! : putJson(index, index.mediaType);
  const named = { ...top, annotations: { "org.opencontainers.image.ref.name": tag } };
  writeFileSync(join(folder, "oci-layout"), '{"imageLayoutVersion":"1.0.0"}');
  writeFileSync(join(folder, "index.json"), JSON.stringify({ schemaVersion: 2, manifests: [named] }));
  return {
    folder,
    digest: top.digest,
    layers: layers.map(({ blob }) => blob.digest),
    layerBytes: layers.reduce((sum, { blob }) => sum + blob.size, 0),
  };
}

function sha256(bytes: Uint8Array): string {
  return `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
}

/** Bytes that do not compress, the same for the same seed. */
function noise(sizeBytes: number, seed: number): Buffer {
  const bytes = Buffer.alloc(sizeBytes);
  let state = (seed * 2_654_435_761 + 1) >>> 0;
  for (let at = 0; at + 4 <= sizeBytes; at += 4) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    bytes.writeUInt32LE(state >>> 0, at);
  }
  return bytes;
}

/** One file in a ustar archive (POSIX.1-1988). An empty layer has none. */
function tarOf(name: string, content: Buffer): Buffer {
  if (content.length === 0) return Buffer.alloc(1024);
  const head = Buffer.alloc(512);
  head.write(name, 0);
  head.write("0000644\0", 100);
  head.write("0000000\0", 108);
  head.write("0000000\0", 116);
  head.write(`${content.length.toString(8).padStart(11, "0")}\0`, 124);
  head.write("00000000000\0", 136);
  head.write("        ", 148);
  head.write("0", 156);
  head.write("ustar\u000000", 257);
  const sum = head.reduce((total, byte) => total + byte, 0);
  head.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148);
  const padding = Buffer.alloc((512 - (content.length % 512)) % 512);
  return Buffer.concat([head, content, padding, Buffer.alloc(1024)]);
}
