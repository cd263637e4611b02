/**
 * The key of one task's sealed form, as long as this process knows it, and what is done with it. It lives
 * in memory alone: a host that starts again asks its manager for it, and a manager makes it again from the
 * secret of its epoch. A host that fetches for itself alone knows no epoch: its keys are random.
 */

import { assert, DarnerError } from "#base/mod.ts";
import { pieceSpan, sealSecretBytes, type SealFacts } from "#core/model/mod.ts";
import { openPiece, sealKeyFrom, sealPiece, sealSecretOf, type SealKey } from "#platform/keys/sealing.ts";
import type { Random } from "#platform/machine/random.ts";
import type { ObjectRecord, PieceFile } from "#storage/pieces/mod.ts";
import type { SealEpochs } from "./seal-epochs.ts";

export interface SealingOptions {
  readonly epochs?: SealEpochs | undefined;
  /** A piece did not open, and why. */
  readonly onBroken?: (message: string) => void;
}

export class Sealing {
  readonly #task: string;
  readonly #epochs: SealEpochs | undefined;
  readonly #onBroken: (message: string) => void;
  #key: SealKey | undefined;

  constructor(task: string, { epochs, onBroken = () => undefined }: SealingOptions = {}) {
    this.#task = task;
    this.#epochs = epochs;
    this.#onBroken = onBroken;
  }

  /** For what an earlier run kept, or for nothing yet. */
  static forKept(task: string, kept: ObjectRecord | undefined, epochs: SealEpochs | undefined): Sealing {
    const sealing = new Sealing(task, { epochs });
    if (kept?.seal !== undefined) sealing.take(undefined, kept.seal);
    return sealing;
  }

  /** For who has the right to it, over a control connection. */
  get secret(): string | undefined {
    return this.#key === undefined ? undefined : Buffer.from(this.#key.secret).toString("base64");
  }

  /** Knows the object's key from now on: out of its epoch, or as somebody told it. False for another, or none. */
  take(told: string | undefined, facts: SealFacts): boolean {
    return this.#takeSecret(this.#derived(facts), facts) || this.#takeSecret(Buffer.from(told ?? "", "base64"), facts);
  }

  /** A key for an object that begins; `version` names what it is of and how it is cut. */
  renew(random: Random, version: string, lengthBytes: number | undefined): SealFacts {
    const epoch = this.#epochs?.current;
    const facts = {
      ...(epoch === undefined ? {} : { derived: { epoch, version } }),
      ...(lengthBytes === undefined ? {} : { lengthBytes }),
    };
    this.#key = sealKeyFrom(this.#derived(facts) ?? random.bytes(sealSecretBytes));
    return { keyId: this.#key.id, ...facts };
  }

  #derived({ derived }: Pick<SealFacts, "derived">): Uint8Array | undefined {
    const secret = derived === undefined ? undefined : this.#epochs?.secretOf(derived.epoch);
    return derived === undefined || secret === undefined ? undefined : sealSecretOf(secret, this.#task, derived);
  }

  #takeSecret(secret: Uint8Array | undefined, { keyId }: SealFacts): boolean {
    if (secret?.length !== sealSecretBytes) return false;
    const key = sealKeyFrom(secret);
    if (key.id !== keyId) return false;
    this.#key = key;
    return true;
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
