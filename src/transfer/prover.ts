/**
 * Proves the digests of a whole object while its pieces come in any order.
 *
 * Digests run over the contiguous head of the object: a piece that arrives in turn is taken from
 * memory, one that arrived early is read back when its turn comes (it is still in the page cache).
 */

import { assert, DarnerError } from "#base/mod.ts";
import { digestToText, type Digest, type DigestName } from "#core/model/mod.ts";
import { streamingDigest, type StreamingDigest } from "#platform/keys/digest.ts";
import type { PieceFile } from "#storage/pieces/mod.ts";
import type { Sealing } from "./sealing.ts";

export class Prover {
  readonly #store: PieceFile;
  readonly #sealing: Sealing;
  readonly #running = new Map<DigestName, StreamingDigest>();
  #next = 0;

  constructor(store: PieceFile, sealing: Sealing, algorithms: Iterable<DigestName>) {
    this.#store = store;
    this.#sealing = sealing;
    for (const algorithm of algorithms) this.#running.set(algorithm, streamingDigest(algorithm));
  }

  /** Piece `index` is stored; its clear `bytes` may be used until this returns. */
  offer(index: number, bytes: Uint8Array): void {
    if (this.#running.size === 0 || index !== this.#next) return;
    for (const running of this.#running.values()) running.update(bytes);
    this.#next++;
  }

  /** Takes in what is stored (so many bytes) and not yet hashed, then gives the whole's digests. Ends the prover. */
  async digests(lengthBytes: number): Promise<readonly Digest[]> {
    if (this.#running.size === 0) return [];
    await this.#catchUp(lengthBytes);
    return [...this.#running].map(([algorithm, running]) => ({ algorithm, hex: running.hex() }));
  }

  async #catchUp(lengthBytes: number): Promise<void> {
    assert(this.#store.object !== undefined, "a proof follows an object that has begun");
    while (this.#store.have.has(this.#next)) {
      const index = this.#next;
      const bytes = await this.#sealing.read(this.#store, index, lengthBytes);
      if (this.#next === index) this.offer(index, bytes);
    }
  }
}

/** Throws `digest.mismatch` unless each expected digest is among the proved ones. */
export function assertDigests(url: string, expected: readonly Digest[], proved: readonly Digest[]): void {
  for (const digest of expected) {
    const found = proved.find((candidate) => candidate.algorithm === digest.algorithm);
    if (found?.hex !== digest.hex) {
      throw new DarnerError(
        "digest.mismatch",
        `cannot accept ${url}: its digest is ${found === undefined ? "unknown" : digestToText(found)}, it should be ${digestToText(digest)}`,
      );
    }
  }
}
