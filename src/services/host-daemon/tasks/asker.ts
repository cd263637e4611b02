/**
 * Whose right brought an object to this host. A digest names one task for everybody, so bytes that came
 * for one user's credential lie where the next one asks: he gets them when the manager says so to his
 * own ask, and nothing of them otherwise.
 */

import { bytesWithLengths, DarnerError } from "#base/mod.ts";
import { placeOf } from "#core/image/mod.ts";
import type { TaskAsk } from "#core/protocol/mod.ts";
import { sha256Hex } from "#platform/keys/digest.ts";
import type { PieceFile } from "#storage/pieces/mod.ts";
import { credentialOf } from "#transfer/mod.ts";
import type { ManagerClient } from "../cluster/mod.ts";

/** Whether who asks so may have what came for `one`, unasked. */
export function mayShare(one: TaskAsk, other: TaskAsk): boolean {
  return one.digest === undefined || credentialOf(one.headers) === "" || fingerprint(one) === fingerprint(other);
}

/** Notes for whom the store's object came. */
export function markAsker(store: PieceFile, ask: TaskAsk): void {
  if (ask.digest === undefined || credentialOf(ask.headers) === "") return;
  store.annotate({ ...store.object?.notes, asker: fingerprint(ask) });
}

/** What came for somebody else's credential is no part of what the origin is asked for now. */
export async function forgetAnothers(store: PieceFile, ask: TaskAsk): Promise<void> {
  const asker = store.object?.notes?.["asker"];
  if (store.object !== undefined && asker !== undefined && asker !== fingerprint(ask)) await store.begin(store.object);
}

/** Rejects unless the manager says that whoever asks so may read what this task has. */
export async function assertMayRead(manager: ManagerClient | undefined, task: string, ask: TaskAsk): Promise<void> {
  const { url, headers, digest } = ask;
  const forbidden = `cannot give ${digest}: it came for another's credential`;
  if (manager === undefined || digest === undefined) throw new DarnerError("origin.forbidden", forbidden);
  const { status } = await manager.look({ url, headers, freshForMs: 0, right: { task, digest } });
  if (status !== 200) throw new DarnerError("origin.forbidden", forbidden);
}

function fingerprint(ask: TaskAsk): string {
  return sha256Hex(bytesWithLengths([placeOf(ask.url), credentialOf(ask.headers)]));
}
