/** Where a task's pieces lie: in its client's output, or in the cache. */

import type { DarnerError } from "#base/mod.ts";
import type { DiskFile } from "#platform/files/disk.ts";
import { PieceFile } from "#storage/pieces/mod.ts";
import type { ClientOutput } from "../outputs/mod.ts";
import type { HostDaemonOptions } from "../daemon-options.ts";
import type { Running } from "./running.ts";
import { isSealedSurprise } from "../tasks/mod.ts";

export interface TaskStore {
  readonly store: PieceFile;
  /** Within the cache; undefined for an output. */
  readonly folder: string | undefined;
}

export async function openStore(
  { cache, random, boot, clock }: Pick<HostDaemonOptions, "cache" | "random" | "boot" | "clock">,
  task: string,
  output: ClientOutput | undefined,
  pace: (file: DiskFile) => DiskFile,
): Promise<TaskStore> {
  if (output !== undefined)
    return { store: await PieceFile.open({ ...output, boot, clock, spaceAhead: true }), folder: undefined };
  const folder = cache.latest(task) ?? Buffer.from(random.bytes(8)).toString("hex");
  return { store: await cache.hold(task, folder, pace), folder };
}

/** An output that an object turned out not to fit stays open: what is opened from the cache is written there. */
export async function closeStore(
  { cache }: Pick<HostDaemonOptions, "cache">,
  { task: { task, store }, folder }: Running,
  reason: DarnerError,
): Promise<void> {
  if (isSealedSurprise(reason)) await store.flush();
  else await (folder === undefined ? store.close() : cache.release(task, folder));
}
