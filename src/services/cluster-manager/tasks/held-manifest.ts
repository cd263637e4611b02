/** The bytes of an image's manifest that the manager holds whole, for whoever judges what it names. */

import { manifestBytesMax } from "#core/image/mod.ts";
import type { TaskVersion } from "./task-version.ts";

/** Undefined for what is not whole, or too long to be a manifest. */
export async function heldManifest(version: TaskVersion | undefined): Promise<Uint8Array | undefined> {
  if (version?.store.end === undefined || version.store.end.lengthBytes > manifestBytesMax) return undefined;
  const { store, sealing } = version;
  const pieces: Uint8Array[] = [];
  for (const index of store.have.indices()) pieces.push(await sealing.read(store, index));
  return Buffer.concat(pieces);
}
