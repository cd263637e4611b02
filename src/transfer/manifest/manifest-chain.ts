/**
 * The running hash over a manifest, which its manager signs with each message: whoever knows where the
 * hash stands knows every line before it, in their order, and none is missing.
 *
 *     h0     SHA-256 of the head
 *     h(n)   SHA-256 of h(n-1), the piece's index and its digest
 *     end    length and digests of the whole, signed together with the last h
 *
 * One signature covers all lines of a message, so the cost is per message, not per piece.
 */

import type { ManifestHead } from "#core/protocol/mod.ts";
import { sha256 } from "#platform/keys/digest.ts";

const lineBytes = 32 + 4 + 32;

export class ManifestChain {
  readonly #line = new Uint8Array(lineBytes);
  readonly #view = new DataView(this.#line.buffer);

  constructor(head: ManifestHead) {
    const { task, generation, pieceBytes, lengthBytes, url, validator, contentType, lastModified, seal } = head;
    const fields: unknown[] = [task, generation, pieceBytes, lengthBytes, url, validator, contentType, lastModified];
    // A host that knows no sealed form takes the signature for a false one, and writes nothing.
    if (seal !== undefined) {
      const { keyId, lengthBytes: clearBytes, derived } = seal;
      fields.push([keyId, clearBytes ?? null, derived?.epoch ?? null, derived?.version ?? null]);
    }
    const text = JSON.stringify(fields.map((field) => field ?? null));
    this.#line.set(sha256(new TextEncoder().encode(text)));
  }

  add(index: number, digest: Uint8Array): void {
    this.#view.setUint32(32, index);
    this.#line.set(digest, 36);
    this.#line.set(sha256(this.#line));
  }

  /** What is signed of the lines so far; valid on. */
  seal(): Uint8Array {
    return this.#line.slice(0, 32);
  }
}

/** What is signed of the end, whose lines end with `seal`. */
export function endSeal(seal: Uint8Array, lengthBytes: number, digests: readonly string[]): Uint8Array {
  return sha256(new TextEncoder().encode(JSON.stringify([Buffer.from(seal).toString("hex"), lengthBytes, digests])));
}
