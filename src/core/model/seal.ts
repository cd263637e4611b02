/**
 * The sealed form: each piece encrypted by itself, `nonce | ciphertext | tag`, so much longer than what
 * is in it. What travels and lies is an object of its own, cut at the sealed piece length: whoever only
 * carries pieces knows that one. This file turns its lengths into those of the clear object and back.
 */

import { pieceCount } from "./piece.ts";

export const sealNonceBytes = 12;
export const sealTagBytes = 16;
/** What a piece grows by. */
export const sealBytes = sealNonceBytes + sealTagBytes;

/** What is told of a sealed object beside its pieces; no secret is in it. */
export interface SealFacts {
  /** Names the key that opens it: 32 hex digits. */
  readonly keyId: string;
  /** What the key was made from, beside the epoch's secret; absent for a random key. */
  readonly derived?: SealDerivation;
  /** Length of the clear object, where it was known when the first piece was sealed: bound into each of them. */
  readonly lengthBytes?: number;
}

export interface SealDerivation {
  /** The epoch's number. */
  readonly epoch: number;
  /** Names the version of the object and how it is cut: 32 hex digits. */
  readonly version: string;
}

/** A time in which all keys of a cluster are made from one secret. */
export interface SealEpoch {
  /** At least 1, and rises from epoch to epoch. */
  readonly number: number;
  /** `sealSecretBytes` bytes, base64. */
  readonly secret: string;
}

/** Bytes of an epoch's secret, and of what a key is made from. */
export const sealSecretBytes = 32;
/** Of one cluster, the present one and those before it. */
export const sealEpochsMax = 128;

/** The epochs that a config service tells, the present one last; undefined for what is no such list. */
export function readSealEpochs(json: unknown): readonly SealEpoch[] | undefined {
  const wellFormed = Array.isArray(json) && json.length > 0 && json.length <= sealEpochsMax && json.every(isSealEpoch);
  if (!wellFormed) return undefined;
  const epochs = json as readonly SealEpoch[];
  return epochs.every(({ number }, at) => at === 0 || number > epochs[at - 1]!.number) ? epochs : undefined;
}

function isSealEpoch(value: unknown): value is SealEpoch {
  const { number, secret } = (value ?? {}) as Partial<SealEpoch>;
  return (
    Number.isSafeInteger(number) && number! > 0 && typeof secret === "string" && /^[A-Za-z0-9+/]{43}=$/.test(secret)
  );
}

/** Clear bytes in a piece that is not the last. */
export function clearPieceLength(sealedPieceBytes: number): number {
  return sealedPieceBytes - sealBytes;
}

/** Length of the sealed object; `pieceBytes` is its own piece length. */
export function sealedLength(clearBytes: number, pieceBytes: number): number {
  return clearBytes + sealBytes * pieceCount(clearBytes, clearPieceLength(pieceBytes));
}

/** Length of the object as its reader counts it, of one that is sealed or not. */
export function clearLengthOf(object: {
  readonly lengthBytes?: number | undefined;
  readonly pieceBytes: number;
  readonly seal?: SealFacts | undefined;
}): number | undefined {
  const { lengthBytes, pieceBytes, seal } = object;
  return seal === undefined || lengthBytes === undefined ? lengthBytes : clearLength(lengthBytes, pieceBytes);
}

/** Length of the clear object, or undefined where no clear object has this sealed length. */
export function clearLength(sealedBytes: number, pieceBytes: number): number | undefined {
  if (pieceBytes <= sealBytes) return undefined;
  const pieces = pieceCount(sealedBytes, pieceBytes);
  const clearBytes = sealedBytes - sealBytes * pieces;
  return clearBytes >= 0 && sealedLength(clearBytes, pieceBytes) === sealedBytes ? clearBytes : undefined;
}
