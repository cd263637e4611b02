/** What one task at the manager is given. */

import type { Bitfield } from "#base/mod.ts";
import type { TaskAsk } from "#core/protocol/mod.ts";
import type { Caller } from "#core/reach/mod.ts";
import type { Origin } from "#origins/mod.ts";
import type { Clock } from "#platform/machine/clock.ts";
import type { Log } from "#platform/telemetry/log.ts";
import type { Random } from "#platform/machine/random.ts";
import type { TaskCache } from "#storage/pieces/mod.ts";
import type { BodyAnswer, Limiter, ReadAsk } from "#transfer/mod.ts";
import type { RegainChain, Takeover, TakenOver } from "../colleagues/mod.ts";
import type { TaskVersion } from "./task-version.ts";
import type { VersionHost } from "../hosts/mod.ts";

export interface ManagedTaskOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly origin: Origin;
  readonly cache: TaskCache;
  readonly limiter: Limiter;
  readonly task: string;
  readonly connectionsMax: () => number;
  readonly pieceBytes: number | undefined;
  readonly hosts: () => number;
  readonly onOriginBytes: (count: number) => void;
  /** Puts something away that nobody gets now; false when there is nothing. */
  readonly makeRoom?: () => Promise<boolean>;
  /** Throws what the registry says to an asker who may not read what somebody's credential was needed for. */
  readonly assertMayRead: (ask: ReadAsk, caller: Caller) => Promise<void>;
  /** Whether an object that is fetched for him is to travel and lie sealed. */
  readonly mustSeal: (ask: TaskAsk) => boolean;
  /** Opens the files of one version; `folder` names it within the cache. */
  readonly openVersion: (task: string, folder: string, ask: TaskAsk) => Promise<TaskVersion>;
  /** What hosts of a manager that is gone know of it. */
  readonly takeover: Takeover;
  /** Begins to get what they hold. */
  readonly regain: (version: TaskVersion, found: TakenOver) => RegainChain;
}

/** What a fetch begins with, beside what is stored. */
export interface Aid {
  readonly opened?: BodyAnswer;
  readonly regain?: RegainChain;
  readonly listed?: Bitfield;
}

export interface JoinRequest {
  readonly host: VersionHost;
  readonly ask: TaskAsk;
  readonly holds: { readonly generation: string; readonly pieces: string } | undefined;
  /** It takes a small object in one message. */
  readonly small?: boolean | undefined;
}
