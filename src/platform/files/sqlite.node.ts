/**
 * The real small database, over `node:sqlite`.
 *
 * 1. What a transaction acknowledged survives kill -9 and power loss: a write-ahead log, flushed at
 *    each commit (synchronous FULL). A cache is never flushed: it survives kill -9 alone.
 * 2. One process at a time: the file stays locked until `close` or the process ends, so what its owner
 *    remembers of it is never stale.
 * 3. A damaged file is found at the start, not in the middle of the work; of a cache only its head is read.
 */

import * as fs from "node:fs";
import { DatabaseSync, type StatementSync } from "node:sqlite";
import { DarnerError, type ErrorCode } from "#base/mod.ts";
import { diskError } from "./disk.node.ts";
import type { Sqlite, SqlRow, SqlValue } from "./sqlite.ts";

const statementsMax = 64;

/** Opens or creates the file, readable for this user alone. Blocks while it is checked. */
export function openSqlite(path: string, use: "state" | "cache" = "state"): Sqlite {
  try {
    fs.closeSync(fs.openSync(path, "a", 0o600));
  } catch (error) {
    throw diskError(error, `open the database ${path}`);
  }
  let database: DatabaseSync | undefined;
  try {
    database = new DatabaseSync(path, { timeout: 0 });
    const flush = use === "state" ? "FULL" : "OFF";
    database.exec(`PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL; PRAGMA synchronous = ${flush};`);
    database.exec("BEGIN IMMEDIATE; COMMIT;");
    const found = use === "cache" ? "ok" : database.prepare("PRAGMA quick_check(1)").get()?.["quick_check"];
    if (found !== "ok") throw corrupt(path, String(found));
    return new NodeSqlite(database, path);
  } catch (error) {
    database?.close();
    throw sqliteError(error, `open the database ${path}`, path);
  }
}

class NodeSqlite implements Sqlite {
  readonly name: string;
  readonly #database: DatabaseSync;
  readonly #statements = new Map<string, StatementSync>();

  constructor(database: DatabaseSync, name: string) {
    this.#database = database;
    this.name = name;
  }

  execute(statements: string): void {
    this.#guard("write", () => this.#database.exec(statements));
  }

  run(statement: string, ...values: SqlValue[]): number {
    return this.#guard("write", () => Number(this.#prepared(statement).run(...values).changes));
  }

  all(question: string, ...values: SqlValue[]): SqlRow[] {
    return this.#guard("read", () => this.#prepared(question).all(...values) as SqlRow[]);
  }

  transaction<Result>(action: () => Result): Result {
    return this.#guard("write", () => {
      this.#database.exec("BEGIN IMMEDIATE");
      try {
        const result = action();
        this.#database.exec("COMMIT");
        return result;
      } catch (error) {
        // A full disk rolls back by itself.
        if (this.#database.isTransaction) this.#database.exec("ROLLBACK");
        throw error;
      }
    });
  }

  close(): void {
    if (this.#database.isOpen) this.#database.close();
  }

  #prepared(statement: string): StatementSync {
    const known = this.#statements.get(statement);
    if (known !== undefined) return known;
    if (this.#statements.size >= statementsMax) this.#statements.clear();
    const prepared = this.#database.prepare(statement);
    this.#statements.set(statement, prepared);
    return prepared;
  }

  #guard<Result>(verb: "read" | "write", action: () => Result): Result {
    if (!this.#database.isOpen) throw new DarnerError("disk.failed", `cannot ${verb} ${this.name}: it is closed`);
    try {
      return action();
    } catch (error) {
      throw sqliteError(error, `${verb} the database ${this.name}`, this.name);
    }
  }
}

/** By SQLite's primary result code, the low byte (https://www.sqlite.org/rescode.html). */
const codeOfResult: Readonly<Record<number, readonly [ErrorCode, string]>> = {
  3: ["output.not-writable", "permission denied; give this user the right to write it"],
  5: ["store.locked", "another process uses it; stop that one, or choose another place with --data-dir"],
  6: ["store.locked", "another process uses it; stop that one, or choose another place with --data-dir"],
  8: ["output.not-writable", "it is read-only; give this user the right to write it"],
  13: ["disk.full", "no space left; free some, then try again"],
  14: ["output.not-writable", "it cannot be opened; look at the rights of its directory"],
};

function sqliteError(error: unknown, action: string, path: string): unknown {
  if (!(error instanceof Error) || !("errcode" in error)) return error;
  const result = Number(error.errcode);
  const primary = result & 0xff;
  if (primary === 11 || primary === 26) return corrupt(path, error.message, error);
  const [code, why] = codeOfResult[primary] ?? (["disk.failed", error.message] as const);
  return new DarnerError(code, `cannot ${action}: ${why}`, { facts: { sqliteResult: result }, cause: error });
}

function corrupt(path: string, what: string, cause?: unknown): DarnerError {
  const why = what.split("\n", 1)[0]!;
  const next = `put back a copy of it, or move it and ${path}-wal away to start empty`;
  return new DarnerError("store.corrupt", `cannot read the database ${path}: ${why}; ${next}`, { cause });
}
