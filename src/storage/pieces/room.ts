/** Room in a cache for an object, made where there is none. */

import { asDarnerError, DarnerError } from "#base/mod.ts";
import type { TaskCache } from "./task-cache.ts";

export interface RoomFor {
  readonly cache: TaskCache;
  readonly task: string;
  /** Puts something away that nobody gets now; false when there is nothing. */
  readonly makeRoom?: () => Promise<boolean>;
  /** An object longer than the quota is taken in while it is held. */
  readonly mayExceed?: boolean;
}

/** Nobody waits for room: without it those who wait for the object hear at once that they have to help themselves. */
export async function reserveRoom(
  { cache, task, makeRoom, mayExceed }: RoomFor,
  generation: string,
  lengthBytes: number,
): Promise<void> {
  for (;;) {
    try {
      return await cache.reserve(task, generation, lengthBytes, mayExceed);
    } catch (error) {
      const { code, message, retry } = asDarnerError(error);
      const mayHelp = code === "disk.full" && retry !== "never";
      if (!mayHelp || (await makeRoom?.()) !== true) throw new DarnerError(code, message, { cause: error });
    }
  }
}
