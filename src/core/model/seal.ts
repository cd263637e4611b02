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
  /** Length of the clear object, where it was known when the first piece was sealed: bound into each of them. */
  readonly lengthBytes?: number;
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
