/**
 * The verified bytes of a task, or of a part of it, in order, while the rest is on its way: what a
 * stream, a range and a second output are made of. Every piece is hashed again on its way out.
 *
 * Invariants:
 *  1. All bytes are of one version: when another takes its place, the reader is cut (`origin.changed`).
 *  2. Whoever reads to the end of the whole object gets its last piece only once the whole is proved.
 *     A part is good when its pieces are.
 */

import { bytesEqual, DarnerError } from "#base/mod.ts";
import type { Wish } from "#core/download/mod.ts";
import { pieceSpan } from "#core/model/mod.ts";
import type { DiskFile } from "#platform/files/disk.ts";
import { sha256 } from "#platform/keys/digest.ts";
import type { HostTask } from "./host-task.ts";

export interface ByteRange {
  readonly start: number;
  /** The byte after the last; absent: to the end. */
  readonly end?: number;
}

/** What an ask wants of the object. `reads`: somebody takes the bytes in order. */
export function wishFor(range: ByteRange | undefined, reads: boolean): Wish {
  const start = range?.start ?? 0;
  return { start, end: range?.end ?? Infinity, position: reads ? start : undefined };
}

/** Yields views that are the caller's to keep. `wish.position` follows the reader. */
export async function* verifiedBytes(task: HostTask, wish: Wish): AsyncGenerator<Uint8Array> {
  const { readers, store } = task;
  let version: object | undefined;
  for (let position = wish.start; ;) {
    if (version !== undefined && readers.version !== version) throw await whyCut(task);
    const end = Math.min(wish.end, store.clearLengthBytes ?? Infinity);
    if (readers.version !== undefined && position >= end && (task.whole || mayEndEarly(task, wish))) return;
    const index = nextReady(task, wish, position, end);
    if (index === undefined) {
      if (readers.failure !== undefined) throw readers.failure;
      if (task.whole) throw spoiled(task);
      await readers.news();
      continue;
    }
    version ??= readers.version;
    const piece = await readChecked(task, index);
    // Spoiled: it is got again.
    if (piece === undefined && !task.whole) continue;
    if (piece === undefined) throw spoiled(task);
    if (readers.version !== version) throw await whyCut(task);
    const offset = position - index * store.clearPieceBytes!;
    const bytes = piece.subarray(offset, Math.min(piece.length, offset + end - position));
    position += bytes.length;
    wish.position = position;
    yield bytes;
  }
}

/** Index of the piece with `position`, when it may be given out now. */
function nextReady(task: HostTask, wish: Wish, position: number, end: number): number | undefined {
  const { store, readers } = task;
  const pieceBytes = store.clearPieceBytes;
  if (readers.version === undefined || pieceBytes === undefined || position >= end) return undefined;
  const index = Math.floor(position / pieceBytes);
  if (!store.have.has(index)) return undefined;
  // Where nobody knows the length, a piece with another behind it is a full one.
  if (store.clearLengthBytes === undefined && index + 1 >= store.have.length) return undefined;
  const reachesEnd = (index + 1) * pieceBytes >= (store.clearLengthBytes ?? Infinity);
  return reachesEnd && !task.whole && !mayEndEarly(task, wish) ? undefined : index;
}

/** A part of the object is good when its pieces are; for the whole, the proof is waited for. */
function mayEndEarly(task: HostTask, wish: Wish): boolean {
  const { clearLengthBytes } = task.store;
  return clearLengthBytes !== undefined && (wish.start > 0 || wish.end < clearLengthBytes);
}

/** Its version is none any more: why, or that another takes its place, is told in a moment. */
async function whyCut(task: HostTask): Promise<DarnerError> {
  const { readers } = task;
  while (readers.version === undefined && readers.failure === undefined) await readers.news();
  return readers.failure === undefined || readers.failure.code === "interrupted" ? changed(task) : readers.failure;
}

function changed(task: HostTask): DarnerError {
  const name = task.ask.url.split(/[?#]/, 1)[0]!;
  return new DarnerError("origin.changed", `cannot go on reading ${name}: it changed in mid-transfer; ask again`, {
    retry: "now",
  });
}

/** The file is no longer what was stored. */
export function spoiled({ store }: Pick<HostTask, "store">): DarnerError {
  const message = `cannot use ${store.content.name}: it cannot be read, or its bytes changed after they were stored`;
  return new DarnerError("disk.failed", message, { retry: "now" });
}

/**
 * Reads piece `index`, from the store or from `copy` of it, checks it and opens its seal. Undefined when it is not what
 * was stored: it is not held any more then.
 */
export async function readChecked(
  task: Pick<HostTask, "store" | "spoiled" | "sealing">,
  index: number,
  copy?: DiskFile,
): Promise<Uint8Array | undefined> {
  const { store } = task;
  const { object, lengthBytes = Infinity } = store;
  const expected = store.digestOf(index)?.slice();
  if (object === undefined || expected === undefined) return undefined;
  const span = pieceSpan(index, lengthBytes, object.pieceBytes);
  const bytes = Buffer.allocUnsafeSlow(span.end - span.start);
  const count = await (copy ?? store.content).read(bytes, span.start).catch(() => 0);
  if (count === bytes.length && bytesEqual(sha256(bytes), expected)) return task.sealing.open(object, index, bytes);
  // Another object may have begun in its place meanwhile.
  const now = store.digestOf(index);
  if (now !== undefined && bytesEqual(now, expected)) task.spoiled(index);
  return undefined;
}
