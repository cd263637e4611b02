/** A task that runs on this host, or is kept to be served. */

import { DarnerError } from "#base/mod.ts";
import type { EndRecord } from "#storage/pieces/mod.ts";
import type { Download } from "../outputs/mod.ts";
import type { HostTask } from "../tasks/mod.ts";

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
  /** Which file that output is (`ClientOutput.place`). */
  readonly place: string | undefined;
  /** The folder in the cache that holds the task's files, when no client's output does. */
  readonly folder: string | undefined;
}

/** A client came with a file that the store was, for something else: what shared it has to begin anew. */
export const storeTaken = (): DarnerError =>
  new DarnerError("interrupted", "cannot go on: the file that it came into became another object's; ask again", {
    retry: "now",
    facts: { storeTaken: true },
  });

export function isStoreTaken(error: unknown): boolean {
  return error instanceof DarnerError && error.facts["storeTaken"] === true;
}

/** Those that are kept for peers alone, the oldest first. */
export function keptTasks(tasks: Iterable<Running>): Running[] {
  return [...tasks].filter(({ task, followers }) => task.whole && followers.size === 0);
}
