/**
 * What the manager vouches for, as a host keeps it: the digest of each listed piece, and at the end
 * the length and the proved digests of the whole. It only grows; a withdrawn one is thrown away.
 */

import type { ManifestHead } from "#core/protocol/mod.ts";

const digestBytes = 32;

export class Manifest {
  readonly head: ManifestHead;
  readonly #digests: (Uint8Array | undefined)[] = [];
  #end: { readonly lengthBytes: number; readonly digests: readonly string[] } | undefined;

  constructor(head: ManifestHead) {
    this.head = head;
  }

  get lengthBytes(): number | undefined {
    return this.#end?.lengthBytes ?? this.head.lengthBytes;
  }

  get end(): { readonly lengthBytes: number; readonly digests: readonly string[] } | undefined {
    return this.#end;
  }

  digestOf(index: number): Uint8Array | undefined {
    return this.#digests[index];
  }

  /** Adds a line of the manager. False when it is malformed. */
  list(indices: readonly number[], digests: string): boolean {
    const bytes = Buffer.from(digests, "base64");
    if (bytes.length !== indices.length * digestBytes) return false;
    for (let position = 0; position < indices.length; position++) {
      const index = indices[position]!;
      if (!Number.isSafeInteger(index) || index < 0) return false;
      this.#digests[index] = bytes.subarray(position * digestBytes, (position + 1) * digestBytes);
    }
    return true;
  }

  finish(lengthBytes: number, digests: readonly string[]): void {
    this.#end = { lengthBytes, digests };
  }
}

/** The text of a `listed` message's digests. */
export function joinDigests(digests: readonly Uint8Array[]): string {
  return Buffer.concat(digests).toString("base64");
}
