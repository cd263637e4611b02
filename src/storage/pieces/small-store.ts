/**
 * Many small versions in one file: a row for each, with its content and its journal as they are when
 * the version is whole. A row is there as a whole or not at all; a crash loses what was stored in the
 * last moment, which is then fetched again.
 */

import type { Sqlite } from "#platform/files/sqlite.ts";
import type { KeptVersion } from "./catalogue.ts";
import type { Pair } from "./memory-pair.ts";

export type VersionName = Pick<KeptVersion, "task" | "generation">;

export interface SmallRow extends VersionName, Pair<Uint8Array> {
  readonly heatMs: number;
}

export const smallStorePath = (directory: string): string => `${directory}/small.db`;

const schema = `CREATE TABLE IF NOT EXISTS small (
  task TEXT NOT NULL, generation TEXT NOT NULL, heatMs REAL NOT NULL, bytes INTEGER NOT NULL,
  journal BLOB NOT NULL, content BLOB NOT NULL, PRIMARY KEY (task, generation));`;

export class SmallStore {
  readonly #database: Sqlite;

  constructor(database: Sqlite) {
    this.#database = database;
    database.execute(schema);
  }

  list(): KeptVersion[] {
    const rows = this.#database.all("SELECT task, generation, heatMs, bytes FROM small");
    return rows.map(({ task, generation, heatMs, bytes }) => {
      const name = { task: String(task), generation: String(generation) };
      return { ...name, bytes: Number(bytes), usedAtMs: Number(heatMs), heatMs: Number(heatMs) };
    });
  }

  read({ task, generation }: VersionName): Pair<Uint8Array> | undefined {
    const question = "SELECT content, journal FROM small WHERE task = ? AND generation = ?";
    const [row] = this.#database.all(question, task, generation);
    if (!(row?.["content"] instanceof Uint8Array && row["journal"] instanceof Uint8Array)) return undefined;
    return { content: row["content"], journal: row["journal"] };
  }

  write(rows: readonly SmallRow[]): void {
    this.#database.transaction(() => {
      for (const { task, generation, heatMs, content, journal } of rows) {
        const values = [task, generation, heatMs, content.length, journal, content];
        this.#database.run("INSERT OR REPLACE INTO small VALUES (?, ?, ?, ?, ?, ?)", ...values);
      }
    });
  }

  setHeat({ task, generation }: VersionName, heatMs: number): void {
    this.#database.run("UPDATE small SET heatMs = ? WHERE task = ? AND generation = ?", heatMs, task, generation);
  }

  remove({ task, generation }: VersionName): void {
    this.#database.run("DELETE FROM small WHERE task = ? AND generation = ?", task, generation);
  }

  close(): void {
    this.#database.close();
  }
}
