/** A host as the manager's tasks know it. */

import type { HostCard, ManagerMessage, RecalledManifest } from "#core/protocol/mod.ts";
import type { Caller } from "#core/reach/mod.ts";

export interface VersionHost {
  readonly card: HostCard;
  readonly caller: Caller;
  send(message: ManagerMessage): void;
  /** A fresh ticket for this host and task, or undefined with --trust off. */
  ticket(task: string): string | undefined;
  /** The manifest as the host heard it from another manager; undefined when it has none, or says nothing in time. */
  recall(task: string, generation: string): Promise<RecalledManifest | undefined>;
}
