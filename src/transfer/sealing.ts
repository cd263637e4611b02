/**
 * The key of one task's sealed form, as long as this process knows it, and what is done with it. It lives
 * in memory alone: whoever starts again asks its manager for it, and a manager that has it no more fetches
 * the object anew.
 */

import { assert, DarnerError } from "#base/mod.ts";
import { pieceSpan, type SealFacts } from "#core/model/mod.ts";
import { openPiece, sealKeyFrom, sealPiece, sealSecretBytes, type SealKey } from "#platform/keys/sealing.ts";
import type { Random } from "#platform/machine/random.ts";
import type { ObjectRecord, PieceFile } from "#storage/pieces/mod.ts";

export class Sealing {
  readonly #task: string;
  readonly #onBroken: (message: string) => void;
  #key: SealKey | undefined;

  constructor(task: string, onBroken: (message: string) => void = () => undefined) {
    this.#task = task;
    this.#onBroken = onBroken;
  }

  /** For who has the right to it, over a control connection. */
  get secret(): string | undefined {
    return this.#key === undefined ? undefined : Buffer.from(this.#key.secret).toString("base64");
  }

  /** Knows this key from now on, if it is the one of the object; false for another, or none. */
  take(secret: string | undefined, facts: SealFacts): boolean {
    const bytes = Buffer.from(secret ?? "", "base64");
    if (bytes.length !== sealSecretBytes) return false;
    const key = sealKeyFrom(bytes);
    if (key.id !== facts.keyId) return false;
    this.#key = key;
    return true;
  }

  /** A new key, for an object that begins. */
  renew(random: Random, lengthBytes: number | undefined): SealFacts {
    this.#key = sealKeyFrom(random.bytes(sealSecretBytes));
    return { keyId: this.#key.id, ...(lengthBytes === undefined ? {} : { lengthBytes }) };
  }

  /** Whether this process can read the object: it is not sealed, or the key is here. */
  opens(object: ObjectRecord | undefined): boolean {
    return object?.seal === undefined || object.seal.keyId === this.#key?.id;
  }

  /** The form in which a piece of the object lies and travels. */
  seal(object: ObjectRecord, index: number, clear: Uint8Array): Uint8Array {
    if (object.seal === undefined) return clear;
    assert(this.#key?.id === object.seal.keyId, "an object that is written to has its key here");
    return sealPiece(this.#key, this.#place(object, object.seal, index), clear);
  }

  /** The clear bytes, within the buffer that was given. Throws `seal.broken`. */
  open(object: ObjectRecord, index: number, stored: Uint8Array): Uint8Array {
    if (object.seal === undefined) return stored;
    const key = this.opens(object) ? this.#key : undefined;
    const clear = key === undefined ? undefined : openPiece(key, this.#place(object, object.seal, index), stored);
    if (clear !== undefined) return clear;
    const why = key === undefined ? "its key is not here" : "it was sealed for another task, place or length";
    const message = `cannot open piece ${index} of task ${this.#task}: ${why}`;
    this.#onBroken(message);
    throw new DarnerError("seal.broken", message);
  }

  /** The clear bytes of one piece of what is stored. Throws `seal.broken`. */
  async read(store: PieceFile, index: number, lengthBytes = store.lengthBytes ?? Infinity): Promise<Uint8Array> {
    const { object } = store;
    assert(object !== undefined, "an object to read has begun");
    const span = pieceSpan(index, lengthBytes, object.pieceBytes);
    const bytes = Buffer.allocUnsafeSlow(span.end - span.start);
    await store.read(index, bytes);
    return this.open(object, index, bytes);
  }

  #place({ pieceBytes }: ObjectRecord, { lengthBytes }: SealFacts, index: number): Parameters<typeof openPiece>[1] {
    return { task: this.#task, index, pieceBytes, lengthBytes };
  }
}

/** For objects that lie in clear. */
export const notSealed: Sealing = new Sealing("");
