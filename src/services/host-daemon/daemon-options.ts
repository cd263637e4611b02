/** What the host daemon is made of, handed to it by the composition root. */

import type { ManagerDirectory } from "#cluster/mod.ts";
import type { Origin } from "#origins/mod.ts";
import type { Clock } from "#platform/machine/clock.ts";
import type { Dialler } from "#platform/sockets/connection.ts";
import type { DescriptorInbox } from "#platform/sockets/descriptor-inbox.ts";
import type { Disk } from "#platform/files/disk.ts";
import type { Log } from "#platform/telemetry/log.ts";
import type { Metrics } from "#platform/telemetry/metrics.ts";
import type { Random } from "#platform/machine/random.ts";
import type { SigningKey } from "#platform/keys/signing.ts";
import type { TaskCache } from "#storage/pieces/mod.ts";
import type { SealRule } from "#transfer/mod.ts";

/** What each task goes by. */
export interface HostTaskSettings {
  readonly originFallbackAfterMs: number;
  readonly originBudgetBytesPerSecond: number;
  readonly stallTimeoutMs: number;
}

export interface HostDaemonSettings extends HostTaskSettings {
  readonly downloadRateBytesPerSecond: number;
  readonly uploadRateBytesPerSecond: number;
  readonly diskReadRateBytesPerSecond: number;
  readonly diskWriteRateBytesPerSecond: number;
  readonly uploadSlots: number;
  readonly seal: SealRule;
  readonly sensitiveUrls: readonly string[];
}

export interface HostDaemonOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly disk: Disk;
  readonly dialler: Dialler;
  readonly origin: Origin;
  readonly cache: TaskCache;
  readonly boot: Uint8Array;
  readonly inbox: DescriptorInbox | undefined;
  readonly directory: ManagerDirectory | undefined;
  readonly key: SigningKey;
  readonly trust: boolean;
  readonly isRevoked: (member: string) => boolean;
  readonly name: string;
  readonly site: string;
  /** An empty address: peers reach this host where the manager sees it. */
  readonly advertise: () => { readonly address: string; readonly port: number };
  readonly settings: HostDaemonSettings;
}
