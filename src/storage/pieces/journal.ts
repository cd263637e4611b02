/**
 * The journal of one object at rest: an append-only file of self-checking records that says what the
 * content file beside it holds.
 *
 *     [u32 payload length] [u8 type] [payload] [8 bytes: head of SHA-256 over all before]
 *
 * Invariants:
 *  1. A record is written only after the bytes that it speaks of.
 *  2. Reading stops at the first record that does not check; what follows is overwritten.
 *  3. Nothing is flushed: this boot's records are true because kill -9 loses no page cache; an
 *     earlier boot's pieces must be hashed again before use (each record carries its boot).
 */

import { bytesEqual } from "#base/mod.ts";
import { sha256 } from "#platform/digest.ts";

const headBytes = 5;
const checkBytes = 8;
/** An object record carries headers; anything longer is not ours. */
const payloadBytesMax = 256 * 1024;

const recordType = { object: 1, piece: 2, end: 3, notes: 4 } as const;

/** What is known of the object when its first byte arrives. */
export interface ObjectRecord {
  readonly kind: "object";
  readonly url: string;
  readonly generation: string;
  readonly pieceBytes: number;
  readonly lengthBytes?: number;
  /** A strong validator, usable in If-Range. */
  readonly validator?: string;
  /** Free for the layer above: response facts, tags. */
  readonly notes?: Readonly<Record<string, unknown>>;
}

export interface PieceRecord {
  readonly kind: "piece";
  readonly index: number;
  /** SHA-256 of the clear bytes, 32 bytes. */
  readonly digest: Uint8Array;
  /** First 8 bytes of the SHA-256 of the boot's id. */
  readonly boot: Uint8Array;
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

export type JournalRecord = ObjectRecord | PieceRecord | EndRecord | NotesRecord;

export function encodeRecord(record: JournalRecord): Uint8Array {
  let type: number;
  let payload: Uint8Array;
  if (record.kind === "piece") {
    type = recordType.piece;
    payload = new Uint8Array(44);
    new DataView(payload.buffer).setUint32(0, record.index);
    payload.set(record.digest, 4);
    payload.set(record.boot, 36);
  } else {
    type = recordType[record.kind];
    payload = new TextEncoder().encode(JSON.stringify(record));
  }
  const bytes = new Uint8Array(headBytes + payload.length + checkBytes);
  new DataView(bytes.buffer).setUint32(0, payload.length);
  bytes[4] = type;
  bytes.set(payload, headBytes);
  const end = headBytes + payload.length;
  bytes.set(sha256(bytes.subarray(0, end)).subarray(0, checkBytes), end);
  return bytes;
}

/** The records that check, and how many bytes they take: the place where the next one goes. */
export function decodeJournal(bytes: Uint8Array): { records: JournalRecord[]; validBytes: number } {
  const records: JournalRecord[] = [];
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  let offset = 0;
  while (offset + headBytes + checkBytes <= bytes.length) {
    const payloadBytes = view.getUint32(offset);
    const end = offset + headBytes + payloadBytes;
    if (payloadBytes > payloadBytesMax || end + checkBytes > bytes.length) break;
    const check = sha256(bytes.subarray(offset, end)).subarray(0, checkBytes);
    if (!bytesEqual(check, bytes.subarray(end, end + checkBytes))) break;
    const record = decodePayload(bytes[offset + 4]!, bytes.subarray(offset + headBytes, end));
    if (record === undefined) break;
    records.push(record);
    offset = end + checkBytes;
  }
  return { records, validBytes: offset };
}

function decodePayload(type: number, payload: Uint8Array): JournalRecord | undefined {
  if (type === recordType.piece) {
    if (payload.length !== 44) return undefined;
    const index = new DataView(payload.buffer, payload.byteOffset).getUint32(0);
    return { kind: "piece", index, digest: payload.slice(4, 36), boot: payload.slice(36, 44) };
  }
  try {
    const record = JSON.parse(new TextDecoder().decode(payload)) as ObjectRecord | EndRecord | NotesRecord;
    return Object.hasOwn(recordType, record.kind) && recordType[record.kind] === type ? record : undefined;
  } catch {
    return undefined;
  }
}
