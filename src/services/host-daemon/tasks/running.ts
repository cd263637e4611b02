/** A task that runs on this host, or is kept to be served. */

import type { EndRecord } from "#storage/pieces/mod.ts";
import type { Download } from "../outputs/mod.ts";
import type { HostTask } from "./host-task.ts";

export interface Running {
  readonly task: HostTask;
  readonly followers: Set<Download>;
  readonly ended: Promise<EndRecord>;
  /** The client whose output the store is; undefined once it went away. */
  owner: Download | undefined;
  /** A client has been given it. */
  taken: boolean;
  /** Set once nobody writes to the store any more. */
  intact?: () => Promise<boolean>;
  /** The folder in the cache that holds the task's files, when no client's output does. */
  readonly folder: string | undefined;
}

/** Those that are kept for peers alone, the oldest first. */
export function keptTasks(tasks: Iterable<Running>): Running[] {
  return [...tasks].filter(({ task, followers }) => task.whole && followers.size === 0);
}
