/** The file in which a role keeps its small objects together; a damaged one is begun anew, since it is a cache. */

import { rmSync } from "node:fs";
import { asDarnerError } from "#base/mod.ts";
import { nodeClock } from "#platform/machine/clock.node.ts";
import type { Log } from "#platform/telemetry/log.ts";
import { logBudget } from "#platform/telemetry/log-budget.ts";
import { openSqlite } from "#platform/files/sqlite.node.ts";
import { SmallStore, smallStorePath, SmallVersions } from "#storage/pieces/mod.ts";

const failuresLoggedPerSecond = 1;

export function openSmallVersions(directory: string, log: Log): SmallVersions {
  const mayLog = logBudget(nodeClock, failuresLoggedPerSecond);
  return new SmallVersions(nodeClock, openOrBegin(directory, log), ({ code, message }) => {
    if (mayLog()) log.warn("small-store.failed", { code, message });
  });
}

/** Throws `store.corrupt`. */
export function openSmallStore(directory: string): SmallStore {
  return new SmallStore(openSqlite(smallStorePath(directory), "cache"));
}

function openOrBegin(directory: string, log: Log): SmallStore {
  try {
    return openSmallStore(directory);
  } catch (error) {
    const { code, message } = asDarnerError(error);
    if (code !== "store.corrupt") throw error;
    log.warn("small-store.begun-anew", { code, message });
    for (const suffix of ["", "-wal", "-shm"]) rmSync(`${smallStorePath(directory)}${suffix}`, { force: true });
    return openSmallStore(directory);
  }
}
