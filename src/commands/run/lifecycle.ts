/**
 * The life of a role's process: started, told to stop, stopped within a bound.
 *
 * 1. The first SIGINT or SIGTERM asks the role to stop; the second ends the process at once.
 * 2. A role that does not stop in its time is cut: the process ends with status 1.
 * 3. An error that nobody caught is logged and ends the process with status 1, never goes on.
 */

import { asDarnerError, errorTable } from "#base/mod.ts";
import type { Log } from "#platform/telemetry/log.ts";

export interface RunningRole {
  /** Ends everything the role started; should take at most `graceMs`. */
  stop(graceMs: number): Promise<void>;
  /** Resolves when the role ends by itself, such as a daemon that nobody uses any more. */
  readonly ended?: Promise<void>;
}

export interface LifecycleOptions {
  readonly log: Log;
  /** How long running answers may go on after the first signal. */
  readonly graceMs?: number;
}

const graceMsDefault = 10_000;
/** Beyond the grace, for closing what the grace left open. */
const closingMs = 2000;

/** Runs until a signal or the role's own end; resolves to the exit status. Rejects when `start` does. */
export async function runUntilStopped(start: () => Promise<RunningRole>, options: LifecycleOptions): Promise<number> {
  const { log, graceMs = graceMsDefault } = options;
  const asked = Promise.withResolvers<void>();
  const limit: { timeout?: NodeJS.Timeout } = {};
  const startStopping = (reason: string): void => {
    if (limit.timeout !== undefined) return;
    log.info("role.stopping", { reason });
    limit.timeout = setTimeout(() => {
      log.error("role.stop-timed-out", { graceMs });
      process.exit(1);
    }, graceMs + closingMs);
    asked.resolve();
  };
  const onSignal = (signal: NodeJS.Signals): void => {
    if (limit.timeout !== undefined) process.exit(errorTable.interrupted.exit);
    startStopping(signal);
  };
  const onUncaught = (error: unknown): void => {
    const stack = error instanceof Error ? error.stack : undefined;
    log.error("process.failed", { error: asDarnerError(error).message, stack });
    process.exit(1);
  };
  process.on("SIGINT", onSignal).on("SIGTERM", onSignal);
  process.on("uncaughtException", onUncaught).on("unhandledRejection", onUncaught);
  try {
    const role = await start();
    void role.ended?.then(() => startStopping("ended"));
    await asked.promise;
    await role.stop(graceMs);
    log.info("role.stopped");
    return 0;
  } finally {
    clearTimeout(limit.timeout);
    process.off("SIGINT", onSignal).off("SIGTERM", onSignal);
    process.off("uncaughtException", onUncaught).off("unhandledRejection", onUncaught);
  }
}
