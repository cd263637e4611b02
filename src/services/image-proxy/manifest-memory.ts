/**
 * Manifests by digest, in memory: small, asked for by every pull, and never different. One is given only
 * where it came from: another place that names its digest has to give it first (core/image/place.ts).
 */

import { readManifest, type ImageManifest } from "#core/image/mod.ts";

export interface KeptManifest {
  readonly bytes: Uint8Array;
  readonly manifest: ImageManifest;
  readonly places: Set<string>;
}

const bytesMax = 32 * 1024 * 1024;
const placesMax = 256;

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

  /** Only if it came from this place. */
  from(digest: string, place: string): KeptManifest | undefined {
    const kept = this.get(digest);
    return kept?.places.has(place) === true ? kept : undefined;
  }

  /** `bytes` have this digest and came from this place. Undefined when they are no manifest. */
  add(digest: string, bytes: Uint8Array, place: string): KeptManifest | undefined {
    const known = this.#kept.get(digest);
    if (known !== undefined) {
      if (known.places.size < placesMax) known.places.add(place);
      return known;
    }
    const manifest = readManifest(bytes);
    if (manifest === undefined) return undefined;
    const kept = { bytes, manifest, places: new Set([place]) };
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
