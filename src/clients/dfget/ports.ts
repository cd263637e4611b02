/** What dfget needs of the machine, handed to it by the composition root. */

import type { Origin } from "#origins/mod.ts";
import type { Clock } from "#platform/machine/clock.ts";
import type { Disk } from "#platform/files/disk.ts";
import type { LocalHttp } from "#platform/http-asks/local.ts";
import type { OutputFiles } from "#platform/files/output-files.ts";
import type { Random } from "#platform/machine/random.ts";
import type { Terminal } from "#platform/machine/terminal.ts";

export interface OriginSettings {
  /** PEM texts. */
  readonly caCertificates: readonly string[];
  /** For a name, a connection, and each further byte. */
  readonly waitMsMax: number;
}

export interface DaemonOrder {
  readonly socketPath: string;
  readonly dataDirectory: string;
  /** What follows `darner daemon`. */
  readonly flags: readonly string[];
}

export interface StartedDaemon {
  /** Its last words, once it has ended; undefined while it runs. */
  lastWords(): string | undefined;
}

export interface DfgetPorts {
  readonly clock: Clock;
  readonly random: Random;
  readonly disk: Disk;
  readonly outputs: OutputFiles;
  readonly terminal: Terminal;
  readonly localHttp: LocalHttp;
  /** Names the machine's running boot, 8 bytes. */
  boot(): Uint8Array;
  openOrigin(settings: OriginSettings): Promise<{ readonly origin: Origin; readonly close: () => void }>;
  /** Starts a daemon that outlives this process; resolves once it runs, not once it answers. */
  startDaemon: ((order: DaemonOrder) => Promise<StartedDaemon>) | undefined;
  /** Where ~/.netrc lies, unless NETRC names another; undefined without a home. */
  readonly netrcPath: string | undefined;
  /** Aborts with an `interrupted` error at SIGINT and SIGTERM. */
  readonly signal: AbortSignal;
}
