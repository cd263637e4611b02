/**
 * A small embedded database as a port, for the little state that a role keeps. Calls are synchronous
 * and short; what is asked of it is rows by key, never a search.
 *
 * Every failure is a DarnerError that names the file: `disk.full`, `disk.failed`, `store.locked`,
 * `store.corrupt`, `output.not-writable`.
 */

export type SqlValue = string | number | null | Uint8Array;
export type SqlRow = Readonly<Record<string, SqlValue>>;

export interface Sqlite {
  /** For messages: the file's path. */
  readonly name: string;
  /** Runs statements without values, such as a schema. */
  execute(statements: string): void;
  /** Runs one statement; returns how many rows it changed. */
  run(statement: string, ...values: SqlValue[]): number;
  /** All rows of one question. */
  all(question: string, ...values: SqlValue[]): SqlRow[];
  /**
   * All of `action` or, when it throws, nothing of it. Once this returns, its effect outlives a crash of the
   * process, and of the machine unless the file was opened as a cache.
   */
  transaction<Result>(action: () => Result): Result;
  /** Harmless when it is closed already. */
  close(): void;
}
