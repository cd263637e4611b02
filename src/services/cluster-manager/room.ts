/**
 * Room in the manager's cache for a version, made where there is none. Nobody waits for room: without it
 * the hosts hear at once that they have to help themselves.
 */

import { asDarnerError, DarnerError } from "#base/mod.ts";
import type { ManagedTaskOptions } from "./managed-task-options.ts";

export async function reserveRoom(
  { cache, task, makeRoom }: Pick<ManagedTaskOptions, "cache" | "task" | "makeRoom">,
  folder: string,
  lengthBytes: number,
): Promise<void> {
  for (;;) {
    try {
      return await cache.reserve(task, folder, lengthBytes);
    } catch (error) {
      const { code, message, retry } = asDarnerError(error);
      const mayHelp = code === "disk.full" && retry !== "never";
      if (!mayHelp || (await makeRoom?.()) !== true) throw new DarnerError(code, message, { cause: error });
    }
  }
}
