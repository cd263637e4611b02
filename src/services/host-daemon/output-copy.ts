/**
 * Bytes of a held object for one more taker: a second output, or a stream. Every piece is hashed
 * again on its way, so that an edited file never becomes somebody else's download.
 */

import { assert, bytesEqual, DarnerError } from "#base/mod.ts";
import { pieceCount, pieceSpan } from "#core/model/mod.ts";
import type { DiskFile } from "#platform/disk.ts";
import { sha256 } from "#platform/digest.ts";
import type { PieceFile } from "#storage/pieces/mod.ts";

/** Reads piece `index` and checks it. Throws `disk.failed` when the file is no longer what was stored. */
export async function readChecked(store: PieceFile, index: number, lengthBytes: number): Promise<Uint8Array> {
  const { object } = store;
  const expected = store.digestOf(index);
  assert(object !== undefined && expected !== undefined, "a piece to read is held");
  const span = pieceSpan(index, lengthBytes, object.pieceBytes);
  const bytes = new Uint8Array(span.end - span.start);
  await store.read(index, bytes);
  if (!bytesEqual(sha256(bytes), expected)) {
    store.drop(index);
    throw new DarnerError("disk.failed", `cannot use ${store.content.name}: its bytes changed after they were stored`, {
      retry: "now",
    });
  }
  return bytes;
}

/** Copies the whole object into `output`, which becomes exactly as long. */
export async function copyChecked(store: PieceFile, lengthBytes: number, output: DiskFile): Promise<void> {
  const { object } = store;
  assert(object !== undefined, "an object to copy has begun");
  await output.truncate(lengthBytes);
  for (let index = 0; index < pieceCount(lengthBytes, object.pieceBytes); index++) {
    await output.write(await readChecked(store, index, lengthBytes), index * object.pieceBytes);
  }
}
