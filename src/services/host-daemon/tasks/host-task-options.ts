/** What a task on a host is given, and what it tells. */

import type { DarnerError } from "#base/mod.ts";
import type { DownloadAsk, DownloadMode, TaskAsk } from "#core/protocol/mod.ts";
import type { Origin } from "#origins/mod.ts";
import type { Clock } from "#platform/machine/clock.ts";
import type { Log } from "#platform/telemetry/log.ts";
import type { Random } from "#platform/machine/random.ts";
import type { PieceFile } from "#storage/pieces/mod.ts";
import type { ParentPool, Uploads } from "#transfer/mod.ts";
import type { HostTaskSettings } from "../daemon-options.ts";
import type { HostLimits } from "../host-limits.ts";
import type { ManagerClient } from "../cluster/mod.ts";

export interface HostTaskOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly origin: Origin;
  readonly pool: ParentPool;
  readonly uploads: Uploads;
  /** Manifests have to be signed. */
  readonly trust: boolean;
  /** Absent when this host knows no cluster. */
  readonly manager: ManagerClient | undefined;
  readonly limits: Pick<HostLimits, "download" | "origin">;
  readonly settings: () => HostTaskSettings;
  readonly task: string;
  readonly ask: TaskAsk;
  readonly mode: DownloadMode;
  readonly backToSource: boolean;
  readonly triesMax: number;
  readonly store: PieceFile;
  /** The store is a file of the cache, which may hold sealed pieces. */
  readonly mayLieSealed: boolean;
  /** It has to. */
  readonly mustSeal: boolean;
  /** Bytes a second for this task alone. */
  readonly rateBytesPerSecond?: number;
  /** Makes room before a byte is written; throws `disk.full`. */
  reserve(lengthBytes: number): Promise<void>;
  /** One step of the way, for `--explain`. */
  onWay(text: string, aloud?: boolean): void;
  /** The origin failed, and is tried again. */
  onRetry(error: DarnerError, delayMs: number): void;
  onProgress(): void;
  /** A piece that the store has could not be read. */
  readonly onUnreadable: (piece: number) => void;
}

/** What of a client's ask is the task's. */
export function askedOf(
  ask: DownloadAsk,
): Pick<HostTaskOptions, "ask" | "backToSource" | "triesMax" | "rateBytesPerSecond"> {
  const { backToSource, triesMax, rateBytesPerSecond } = ask;
  const rate = rateBytesPerSecond === undefined ? {} : { rateBytesPerSecond };
  return { ask: taskAskOf(ask), backToSource, triesMax, ...rate };
}

/** What of it names the object. */
function taskAskOf({ url, headers, filterQuery, tag, digest, sensitive }: TaskAsk): TaskAsk {
  return {
    url,
    headers,
    filterQuery,
    tag,
    ...(digest === undefined ? {} : { digest }),
    ...(sensitive === true ? { sensitive } : {}),
  };
}
