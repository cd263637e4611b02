/**
 * The lock of a data directory: an exclusive transaction that stays open on an empty SQLite file, so a
 * lock of the kernel (fcntl) that ends with its process. A pid file would have to guess whether its
 * process still lives, and guesses wrong across containers, reused pids and two starts at once.
 *
 *  1. `lock` is never deleted, renamed or opened otherwise than by SQLite here: closing any other
 *     descriptor of it would drop the kernel's lock.
 *  2. `lock.holder` has the holder's pid and start time. It serves the message alone, and only when
 *     a process with that pid and that start time (proc(5), stat, field 22) is there.
 */

import * as fs from "node:fs";
import * as path from "node:path";
import { DatabaseSync } from "node:sqlite";
import { DarnerError } from "#base/mod.ts";
import { diskError } from "../files/disk.node.ts";
import type { ProcessLock } from "./process-lock.ts";

/** A database that nobody mentions is collected and closed, and its lock is gone. */
const held = new Set<DatabaseSync>();

export function lockDirectory(directory: string): ProcessLock {
  const action = `lock the directory ${directory}`;
  const holderPath = path.join(directory, "lock.holder");
  let database: DatabaseSync | undefined;
  try {
    fs.accessSync(directory, fs.constants.W_OK);
    database = new DatabaseSync(path.join(directory, "lock"), { timeout: 0 });
    database.exec("PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE");
  } catch (error) {
    database?.close();
    throw isBusy(error) ? lockedError(directory, holderOf(holderPath), error) : diskError(error, action);
  }
  const locked = database;
  held.add(locked);
  quietly(() => fs.writeFileSync(holderPath, `${process.pid} ${startOf(process.pid) ?? "unknown"}\n`));
  return {
    release() {
      if (!held.delete(locked)) return;
      quietly(() => fs.rmSync(holderPath, { force: true }));
      locked.close();
    },
  };
}

/** A full disk must not keep out the daemon that could make room on it. */
function quietly(action: () => void): void {
  try {
    action();
  } catch {
    // Messages then say "another process".
  }
}

/** SQLITE_BUSY, and the results that refine it in their upper bytes. */
function isBusy(error: unknown): boolean {
  return error instanceof Error && "errcode" in error && (Number(error.errcode) & 0xff) === 5;
}

function lockedError(directory: string, pid: number | undefined, cause: unknown): DarnerError {
  const who = pid === undefined ? "another process" : `process ${pid}`;
  const message = `cannot use ${directory}: ${who} uses it; stop that one, or choose another place with --data-dir`;
  return new DarnerError("store.locked", message, { facts: pid === undefined ? {} : { pid }, cause });
}

function holderOf(holderPath: string): number | undefined {
  try {
    const [pid, start] = fs.readFileSync(holderPath, "latin1").trim().split(" ");
    return start !== undefined && startOf(Number(pid)) === start ? Number(pid) : undefined;
  } catch {
    return undefined;
  }
}

/** In ticks since the boot. The name before it stands in parentheses and may hold any. */
function startOf(pid: number): string | undefined {
  try {
    const stat = fs.readFileSync(`/proc/${pid}/stat`, "latin1");
    return stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19];
  } catch {
    return undefined;
  }
}
