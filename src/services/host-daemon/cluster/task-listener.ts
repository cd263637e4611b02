/** One task of this host as its manager hears of it: what is asked, what is held, and who is told. */

import type { ManagerMessage, RecalledManifest, TaskAsk } from "#core/protocol/mod.ts";

/** Messages of the connection itself, not of one task. */
type OfLink = "welcome" | "helps" | "delegated" | "pace" | "seen" | "recheck" | "recall" | "fetch" | "unfetch";
type TaskMessage = Exclude<ManagerMessage, { kind: OfLink }>;

/** A task that wants to hear from its manager. */
export interface TaskListener {
  readonly task: string;
  readonly ask: TaskAsk;
  /** A small object may come in one message. */
  readonly small?: boolean;
  /** What the host holds now, for a manager that does not know. */
  holds(): { readonly generation: string; readonly pieces: string } | undefined;
  /** Where the parts begin that are wanted before all else, as far as not at the start. */
  seeks(): readonly number[];
  /** The manifest as an earlier manager told it, for a manager that knows nothing of it. */
  recalled(generation: string): RecalledManifest | undefined;
  /** `managerKey`: of the manager that speaks; undefined with --trust off. */
  heard(message: TaskMessage, managerKey: string | undefined): void;
}
