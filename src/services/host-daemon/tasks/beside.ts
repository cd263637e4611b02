/** Outputs that are not the task's store: they get each piece clear, as it comes. */

import type { PieceFile } from "#storage/pieces/mod.ts";
import type { Sealing } from "#transfer/mod.ts";

export interface BesideOutput {
  /** Takes one clear piece of the store's object; resolves when its buffer is free. */
  put(store: PieceFile, index: number, clear: Uint8Array): Promise<void>;
}

/** A task, as those that take its pieces know it. */
interface Putting {
  readonly store: PieceFile;
  readonly sealing: Sealing;
  readonly outputs: ReadonlySet<BesideOutput>;
}

/** A piece was stored; `bytes` are spent by it. Throws `seal.broken`. */
export async function putBeside({ store, sealing, outputs }: Putting, index: number, bytes: Uint8Array): Promise<void> {
  if (outputs.size === 0 || store.object === undefined) return;
  const clear = sealing.open(store.object, index, bytes);
  await Promise.all([...outputs].map((output) => output.put(store, index, clear)));
}
