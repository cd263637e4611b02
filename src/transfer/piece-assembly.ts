/** Gathers one piece at a time from chunks that come in order. */

export class PieceAssembly {
  readonly #pieceBytes: number;
  readonly #lengthBytes: number | undefined;
  readonly #buffer: Uint8Array;
  index = -1;
  filled = 0;

  /** `lengthBytes` of the object; undefined when nobody knows, then every piece is taken for a full one. */
  constructor(pieceBytes: number, lengthBytes: number | undefined) {
    this.#pieceBytes = pieceBytes;
    this.#lengthBytes = lengthBytes;
    this.#buffer = new Uint8Array(pieceBytes);
  }

  /** Takes bytes of `chunk` from `offset`, which lie at `position` in the object, up to the piece's end. */
  add(chunk: Uint8Array, offset: number, position: number): number {
    const index = Math.floor(position / this.#pieceBytes);
    if (index !== this.index) {
      this.index = index;
      this.filled = position - index * this.#pieceBytes;
    }
    const taken = Math.min(chunk.length - offset, this.#lengthOf(index) - this.filled);
    this.#buffer.set(chunk.subarray(offset, offset + taken), this.filled);
    this.filled += taken;
    return taken;
  }

  get whole(): boolean {
    return this.filled > 0 && this.filled === this.#lengthOf(this.index);
  }

  /** The piece's bytes, valid until the next `add`. */
  take(): Uint8Array {
    const bytes = this.#buffer.subarray(0, this.filled);
    this.index = -1;
    this.filled = 0;
    return bytes;
  }

  #lengthOf(index: number): number {
    if (this.#lengthBytes === undefined) return this.#pieceBytes;
    return Math.min(this.#pieceBytes, this.#lengthBytes - index * this.#pieceBytes);
  }
}
