/** A host's second look at what it serves, when somebody says that it sends wrong bytes. */

import type { Log } from "#platform/log.ts";
import type { HostTask } from "./host-task.ts";

/** Whether the piece is what was stored; else it is logged and got again, where it is still being got. */
export async function isIntact(task: HostTask, piece: number, log: Log): Promise<boolean> {
  if (await task.store.recheck(piece)) return true;
  log.warn("piece.spoiled", { task: task.task, piece });
  task.spoiled(piece);
  return false;
}
