/** The bytes of an image's manifest that the manager holds whole, for whoever judges what it names. */

import { manifestBytesMax } from "#core/image/mod.ts";
import { pieceSpan } from "#core/model/mod.ts";
import type { PieceFile } from "#storage/pieces/mod.ts";

/** Undefined for what is not whole, or too long to be a manifest. */
export async function heldManifest(store: PieceFile | undefined): Promise<Uint8Array | undefined> {
  const { end, object } = store ?? {};
  if (store === undefined || end === undefined || object === undefined) return undefined;
  if (end.lengthBytes > manifestBytesMax) return undefined;
  const whole = new Uint8Array(end.lengthBytes);
  for (let index = 0; index * object.pieceBytes < end.lengthBytes; index++) {
    const span = pieceSpan(index, end.lengthBytes, object.pieceBytes);
    await store.read(index, whole.subarray(span.start, span.end));
  }
  return whole;
}
