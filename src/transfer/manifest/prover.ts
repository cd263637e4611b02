/**
 * Proves the digests of a whole object while its pieces come in any order.
 *
 * Digests run over the contiguous head of the object: a piece that arrives in turn is taken from
 * memory, one that arrived early is read back when its turn comes (it is still in the page cache).
 * The SHA-256 of an object that is one piece has been made with the piece.
 */

import { assert, DarnerError } from "#base/mod.ts";
import { digestToText, type Digest, type DigestName } from "#core/model/mod.ts";
import { streamingDigest, type StreamingDigest } from "#platform/keys/digest.ts";
import type { PieceFile } from "#storage/pieces/mod.ts";
import type { Sealing } from "../rights/mod.ts";

export class Prover {
  readonly #store: PieceFile;
  readonly #sealing: Sealing;
  readonly #algorithms: readonly DigestName[];
  /** Begun with the first piece that they are needed for. */
  #running: readonly StreamingDigest[] | undefined;
  #next = 0;
  /** The whole's SHA-256, where nothing else is to be proved of an object of one piece. */
  #ofOnePiece: Uint8Array | undefined;

  constructor(store: PieceFile, sealing: Sealing, algorithms: Iterable<DigestName>) {
    this.#store = store;
    this.#sealing = sealing;
    this.#algorithms = [...algorithms];
  }

  /** Piece `index` is stored; its clear `bytes` may be used until this returns. */
  offer(index: number, bytes: Uint8Array): void {
    if (this.#algorithms.length === 0 || index !== this.#next) return;
    if (this.#isOnePiece()) this.#ofOnePiece = this.#store.digestOf(index);
    else this.#hash(bytes);
    this.#next++;
  }

  #hash(bytes: Uint8Array): void {
    for (const running of this.#begun()) running.update(bytes);
  }

  #isOnePiece(): boolean {
    const { object, lengthBytes, have } = this.#store;
    const isClear = object?.seal === undefined && lengthBytes !== undefined;
    return isClear && have.length === 1 && this.#algorithms.every((algorithm) => algorithm === "sha256");
  }

  #begun(): readonly StreamingDigest[] {
    return (this.#running ??= this.#algorithms.map((algorithm) => streamingDigest(algorithm)));
  }

  /** Takes in what is stored (so many bytes) and not yet hashed, then gives the whole's digests. Ends the prover. */
  async digests(lengthBytes: number): Promise<readonly Digest[]> {
    if (this.#algorithms.length === 0) return [];
    await this.#catchUp(lengthBytes);
    if (this.#ofOnePiece !== undefined) return [{ algorithm: "sha256", hex: hexOf(this.#ofOnePiece) }];
    const running = this.#begun();
    return this.#algorithms.map((algorithm, index) => ({ algorithm, hex: running[index]!.hex() }));
  }

  async #catchUp(lengthBytes: number): Promise<void> {
    assert(this.#store.object !== undefined, "a proof follows an object that has begun");
    while (this.#store.have.has(this.#next)) {
      const index = this.#next;
      const bytes = await this.#sealing.read(this.#store, index, lengthBytes);
      if (this.#next !== index) continue;
      // What an earlier run stored is hashed as it lies now.
      this.#hash(bytes);
      this.#next++;
    }
  }
}

const hexOf = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");

/** Throws `digest.mismatch` unless each expected digest is among the proved ones. */
export function assertDigests(url: string, expected: readonly Digest[], proved: readonly Digest[]): void {
  for (const digest of expected) {
    const found = proved.find((candidate) => candidate.algorithm === digest.algorithm);
    if (found?.hex !== digest.hex) {
      throw new DarnerError(
        "digest.mismatch",
        `cannot accept ${url}: its digest is ${found === undefined ? "unknown" : digestToText(found)}, it should be ${digestToText(digest)}; check the digest and the URL`,
      );
    }
  }
}
