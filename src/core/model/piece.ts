/**
 * Pieces: an object cut into runs of one length, the last one shorter.
 *
 * A swarm's ramp costs floor(log2 N) / M of a transfer of M pieces to
 * N hosts (Mundinger, Weber, Weiss 2008: M + floor(log2 N) rounds), so M >= floor(log2 N) / epsilon.
 * Since a host sends several pieces side by side, a piece takes a few rounds, and an epsilon of 0.01
 * is worth its price while the bookkeeping of N x M pieces stays small; in a crowd it grows to 0.02.
 * The cost of handling a piece and the bounds of 64 KiB and 16 MiB limit it (docs/decisions/0008).
 */

import { assert } from "#base/mod.ts";

export const pieceBytesMin = 64 * 1024;
export const pieceBytesMax = 16 * 1024 * 1024;
/** The ramp's share of a transfer: as small as bookkeeping allows, never above the second. */
const rampShare = { best: 0.01, worst: 0.02 } as const;
/** Pieces times hosts that one manager follows without noticing. */
const piecesFollowedMax = 16_000_000;
/** More pieces than this cost more in bookkeeping (40 bytes of manifest each) than the ramp they save. */
const piecesMax = 16_384;
/** For an object whose length nobody tells, and at most for a lone host. */
const pieceBytesUnknown = 1024 * 1024;

/** Piece length in bytes for an object of `lengthBytes` that about `hosts` hosts will want. */
export function choosePieceBytes(lengthBytes: number | undefined, hosts: number): number {
  if (lengthBytes === undefined) return pieceBytesUnknown;
  const rounds = Math.max(1, Math.floor(Math.log2(Math.max(2, hosts))));
  const piecesWanted = Math.min(rounds / rampShare.best, piecesFollowedMax / Math.max(1, hosts));
  const byRamp = Math.floor(lengthBytes / Math.max(rounds / rampShare.worst, piecesWanted));
  // A lone host has no ramp: short pieces keep its hashing, writing and receiving in step.
  const wanted = hosts <= 1 ? Math.min(byRamp, pieceBytesUnknown) : byRamp;
  const atLeast = Math.ceil(lengthBytes / piecesMax);
  return nearPowerOfTwo(Math.max(wanted, atLeast, pieceBytesMin), atLeast);
}

/** The nearest power of two, unless that falls under `atLeast`: aligned reads and short numbers in logs. */
function nearPowerOfTwo(bytes: number, atLeast: number): number {
  let power = 2 ** Math.round(Math.log2(bytes));
  if (power < atLeast) power *= 2;
  return Math.min(Math.max(power, pieceBytesMin), pieceBytesMax);
}

/** How many pieces an object has; an empty object has none. */
export function pieceCount(lengthBytes: number, pieceBytes: number): number {
  return Math.ceil(lengthBytes / pieceBytes);
}

/** Where piece `index` lies: first byte, and the byte after its last. */
export function pieceSpan(index: number, lengthBytes: number, pieceBytes: number): { start: number; end: number } {
  const start = index * pieceBytes;
  assert(start < lengthBytes || (start === 0 && lengthBytes === 0), "a piece lies within its object");
  return { start, end: Math.min(start + pieceBytes, lengthBytes) };
}
