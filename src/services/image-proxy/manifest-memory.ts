/** Manifests by digest, in memory: small, asked for by every pull, and never different. */

import { readManifest, type ImageManifest } from "#core/image/mod.ts";

export interface KeptManifest {
  readonly bytes: Uint8Array;
  readonly manifest: ImageManifest;
}

const bytesMax = 32 * 1024 * 1024;

export class ManifestMemory {
  readonly #kept = new Map<string, KeptManifest>();
  #bytes = 0;

  get(digest: string): KeptManifest | undefined {
    const kept = this.#kept.get(digest);
    if (kept === undefined) return undefined;
    this.#kept.delete(digest);
    this.#kept.set(digest, kept);
    return kept;
  }

  /** `bytes` have this digest. Undefined when they are no manifest. */
  add(digest: string, bytes: Uint8Array): KeptManifest | undefined {
    const known = this.#kept.get(digest);
    if (known !== undefined) return known;
    const manifest = readManifest(bytes);
    if (manifest === undefined) return undefined;
    const kept = { bytes, manifest };
    this.#kept.set(digest, kept);
    this.#bytes += bytes.length;
    for (const [oldest, { bytes }] of this.#kept) {
      if (this.#bytes <= bytesMax) break;
      this.#kept.delete(oldest);
      this.#bytes -= bytes.length;
    }
    return kept;
  }
}
