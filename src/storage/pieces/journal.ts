/**
 * The journal of one object at rest: an append-only file of self-checking records that says what the
 * content file beside it holds.
 *
 *     [u32 payload length] [u8 type] [payload] [check]
 *
 * The check is the head of the SHA-256 of the check before it and the record. So a record is believed
 * only behind the very records that it was written behind: what an earlier object left further back in
 * the file, when the cut that removed it was lost with the power, is never taken for this one's.
 *
 * Pieces that are stored in the same moment share a record, so that a piece costs 36 bytes and a part
 * of one check.
 *
 * Invariants:
 *  1. A record is written only after the bytes that it speaks of.
 *  2. Reading stops at the first record that does not check; what follows is overwritten.
 *  3. Nothing is flushed. Each record of pieces carries the mark of the boot and of the content file
 *     that it was written for: under the same mark it is true, because kill -9 loses no page cache;
 *     under another the pieces must be hashed again before use.
 */

import { assert, bytesEqual, bytesJoin } from "#base/mod.ts";
import type { SealFacts } from "#core/model/mod.ts";
import { sha256 } from "#platform/keys/digest.ts";
import type { FileIdentity } from "#platform/files/disk.ts";

const headBytes = 5;
const checkBytes = 8;
/** An object record carries headers; anything longer is not ours. */
const payloadBytesMax = 256 * 1024;

const recordType = { object: 1, pieces: 2, end: 3, notes: 4, lost: 5 } as const;
const digestBytes = 32;
const markBytes = 8;
const pieceEntryBytes = 4 + digestBytes;
/** Pieces in one record: what one damaged record may cost. */
export const piecesPerRecordMax = 64;

/** What is known of the object when its first byte arrives. */
export interface ObjectRecord {
  readonly kind: "object";
  readonly url: string;
  readonly generation: string;
  readonly pieceBytes: number;
  readonly lengthBytes?: number;
  /** A strong validator, usable in If-Range. */
  readonly validator?: string;
  /** The object lies sealed: its lengths, pieces and digests are those of the sealed bytes. */
  readonly seal?: SealFacts;
  /** Free for the layer above: response facts, tags. */
  readonly notes?: Readonly<Record<string, unknown>>;
}

export interface StoredPiece {
  readonly index: number;
  /** SHA-256 of the bytes as they lie, 32 bytes. */
  readonly digest: Uint8Array;
}

export interface PiecesRecord {
  readonly kind: "pieces";
  /** The boot and the file that they were written in, see `markOf`. */
  readonly mark: Uint8Array;
  readonly pieces: readonly StoredPiece[];
}

/** A stored piece turned out to be spoiled: it is not there any more. */
export interface LostRecord {
  readonly kind: "lost";
  readonly index: number;
}

/** The object is whole and proved. */
export interface EndRecord {
  readonly kind: "end";
  readonly lengthBytes: number;
  /** `sha256:HEX` and the like. */
  readonly digests: readonly string[];
}

/** Replaces the object's notes. */
export interface NotesRecord {
  readonly kind: "notes";
  readonly notes: Readonly<Record<string, unknown>>;
}

export type JournalRecord = ObjectRecord | PiecesRecord | LostRecord | EndRecord | NotesRecord;

/** Names one content file as one boot of the machine sees it: what another file or boot has is another mark. */
export function markOf(boot: Uint8Array, { device, inode }: Pick<FileIdentity, "device" | "inode">): Uint8Array {
  return sha256(Buffer.concat([boot, Buffer.from(`/${device}/${inode}`)])).subarray(0, markBytes);
}

/** What stands before the first record. */
export const firstCheck: Uint8Array = new Uint8Array(checkBytes);

/** The check that the next record follows. */
export const checkOf = (encoded: Uint8Array): Uint8Array => encoded.subarray(encoded.length - checkBytes);

/** A record behind one whose check is `before`. */
export function encodeRecord(record: JournalRecord, before: Uint8Array): Uint8Array {
  const payload = encodePayload(record);
  const bytes = new Uint8Array(checkBytes + headBytes + payload.length + checkBytes);
  bytes.set(before);
  new DataView(bytes.buffer).setUint32(checkBytes, payload.length);
  bytes[checkBytes + 4] = recordType[record.kind];
  bytes.set(payload, checkBytes + headBytes);
  const end = bytes.length - checkBytes;
  bytes.set(sha256(bytes.subarray(0, end)).subarray(0, checkBytes), end);
  return bytes.subarray(checkBytes);
}

function encodePayload(record: JournalRecord): Uint8Array {
  if (record.kind === "lost") {
    const payload = new Uint8Array(4);
    new DataView(payload.buffer).setUint32(0, record.index);
    return payload;
  }
  if (record.kind !== "pieces") return new TextEncoder().encode(JSON.stringify(record));
  const { mark, pieces } = record;
  assert(pieces.length > 0 && pieces.length <= piecesPerRecordMax, "a record has 1 to 64 pieces");
  const payload = new Uint8Array(markBytes + pieces.length * pieceEntryBytes);
  const view = new DataView(payload.buffer);
  payload.set(mark);
  let at = markBytes;
  for (const { index, digest } of pieces) {
    view.setUint32(at, index);
    payload.set(digest, at + 4);
    at += pieceEntryBytes;
  }
  return payload;
}

export interface JournalRead {
  readonly records: readonly JournalRecord[];
  /** How many bytes they take: the place where the next one goes. */
  readonly validBytes: number;
  /** What the next one follows. */
  readonly check: Uint8Array;
}

/** The records that check. */
export function decodeJournal(journal: Uint8Array): JournalRead {
  const records: JournalRecord[] = [];
  // The check before the first record stands before it here, as between any two.
  const bytes = bytesJoin([firstCheck, journal]);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  let offset = checkBytes;
  while (offset + headBytes + checkBytes <= bytes.length) {
    const payloadBytes = view.getUint32(offset);
    const end = offset + headBytes + payloadBytes;
    if (payloadBytes > payloadBytesMax || end + checkBytes > bytes.length) break;
    const check = sha256(bytes.subarray(offset - checkBytes, end)).subarray(0, checkBytes);
    if (!bytesEqual(check, bytes.subarray(end, end + checkBytes))) break;
    const record = decodePayload(bytes[offset + 4]!, bytes.subarray(offset + headBytes, end));
    if (record === undefined) break;
    records.push(record);
    offset = end + checkBytes;
  }
  return { records, validBytes: offset - checkBytes, check: bytes.slice(offset - checkBytes, offset) };
}

function decodePayload(type: number, payload: Uint8Array): JournalRecord | undefined {
  if (type === recordType.pieces) return decodePieces(payload);
  const view = new DataView(payload.buffer, payload.byteOffset, payload.length);
  if (type === recordType.lost) return payload.length === 4 ? { kind: "lost", index: view.getUint32(0) } : undefined;
  try {
    const record = JSON.parse(new TextDecoder().decode(payload)) as ObjectRecord | EndRecord | NotesRecord;
    return Object.hasOwn(recordType, record.kind) && recordType[record.kind] === type ? record : undefined;
  } catch {
    return undefined;
  }
}

function decodePieces(payload: Uint8Array): PiecesRecord | undefined {
  const count = (payload.length - markBytes) / pieceEntryBytes;
  if (!Number.isInteger(count) || count < 1 || count > piecesPerRecordMax) return undefined;
  const view = new DataView(payload.buffer, payload.byteOffset, payload.length);
  const pieces: StoredPiece[] = [];
  for (let at = markBytes; at < payload.length; at += pieceEntryBytes) {
    pieces.push({ index: view.getUint32(at), digest: payload.subarray(at + 4, at + pieceEntryBytes) });
  }
  return { kind: "pieces", mark: payload.subarray(0, markBytes), pieces };
}
