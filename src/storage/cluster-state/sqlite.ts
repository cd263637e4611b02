/**
 * Cluster state in one small database file.
 *
 * The versions of an empty database start at the seconds since 1970, so that they go on rising even
 * when the state was lost: a host that holds version 57 of something is never told version 3 of
 * something else.
 */

import { assert, DarnerError } from "#base/mod.ts";
import { readManagerList, type ManagerList } from "#core/placement/mod.ts";
import type { Sqlite } from "#platform/files/sqlite.ts";
import type { ClusterState, KindRecord, RecordKind, SettingsRecord, SettingValue, StoredRecord } from "./store.ts";

const schemaVersion = 2;
const schema = `
  CREATE TABLE IF NOT EXISTS versions (name TEXT PRIMARY KEY, version INTEGER NOT NULL) STRICT, WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS settings (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS managers (id TEXT PRIMARY KEY, entry TEXT NOT NULL) STRICT, WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS records (
    kind TEXT NOT NULL, id TEXT NOT NULL, value TEXT NOT NULL, PRIMARY KEY (kind, id)
  ) STRICT, WITHOUT ROWID;
  INSERT OR IGNORE INTO versions VALUES ('settings', unixepoch()), ('managers', unixepoch());
  PRAGMA user_version = ${schemaVersion};
`;

/** Takes over `database`; throws `store.corrupt` when a later Darner wrote it. */
export function sqliteClusterState(database: Sqlite): ClusterState {
  const found = Number(database.all("PRAGMA user_version")[0]?.["user_version"] ?? 0);
  if (found > schemaVersion) throw corrupt(database, "it was written by a later version of Darner; start that version");
  if (found < schemaVersion) database.transaction(() => database.execute(schema));
  return new SqliteClusterState(database);
}

class SqliteClusterState implements ClusterState {
  readonly #database: Sqlite;

  constructor(database: Sqlite) {
    this.#database = database;
  }

  async settings(): Promise<SettingsRecord> {
    return this.#settings();
  }

  async putSetting(key: string, value: SettingValue): Promise<SettingsRecord> {
    const upsert = `INSERT INTO settings VALUES (?, ?)
      ON CONFLICT (key) DO UPDATE SET value = excluded.value WHERE value <> excluded.value`;
    return this.#changeSettings(upsert, key, JSON.stringify(value));
  }

  async deleteSetting(key: string): Promise<SettingsRecord> {
    return this.#changeSettings("DELETE FROM settings WHERE key = ?", key);
  }

  async managers(): Promise<ManagerList> {
    const rows = this.#database.all("SELECT entry FROM managers ORDER BY id");
    const managers = rows.map(({ entry }) => parseJson(this.#database, entry));
    const list = readManagerList({ version: this.#version("managers"), managers });
    if (list === undefined) throw corrupt(this.#database, "its list of managers makes no sense");
    return list;
  }

  async keepManagers(list: ManagerList): Promise<void> {
    this.#database.transaction(() => {
      const newer = "UPDATE versions SET version = ? WHERE name = 'managers' AND version < ?";
      if (this.#database.run(newer, list.version, list.version) === 0) return;
      this.#database.run("DELETE FROM managers");
      for (const manager of list.managers) {
        this.#database.run("INSERT INTO managers VALUES (?, ?)", manager.id, JSON.stringify(manager));
      }
    });
  }

  async records(kind: RecordKind): Promise<readonly StoredRecord[]> {
    const rows = this.#database.all("SELECT id, value FROM records WHERE kind = ? ORDER BY id", kind);
    return rows.map(({ id, value }) => ({ id: String(id), value: parseJson(this.#database, value) }));
  }

  async putRecords(...records: readonly KindRecord[]): Promise<void> {
    const upsert = "INSERT INTO records VALUES (?, ?, ?) ON CONFLICT (kind, id) DO UPDATE SET value = excluded.value";
    this.#database.transaction(() => {
      for (const { kind, id, value } of records) this.#database.run(upsert, kind, id, JSON.stringify(value));
    });
  }

  async deleteRecord(kind: RecordKind, id: string): Promise<boolean> {
    const gone = this.#database.transaction(() =>
      this.#database.run("DELETE FROM records WHERE kind = ? AND id = ?", kind, id),
    );
    return gone > 0;
  }

  async close(): Promise<void> {
    this.#database.close();
  }

  #changeSettings(statement: string, ...values: string[]): SettingsRecord {
    return this.#database.transaction(() => {
      const changed = this.#database.run(statement, ...values);
      if (changed > 0) this.#database.run("UPDATE versions SET version = version + 1 WHERE name = 'settings'");
      return this.#settings();
    });
  }

  #settings(): SettingsRecord {
    const rows = this.#database.all("SELECT key, value FROM settings ORDER BY key");
    const pairs = rows.map(({ key, value }) => [key, parseJson(this.#database, value)] as const);
    return { version: this.#version("settings"), settings: Object.fromEntries(pairs) };
  }

  #version(name: "settings" | "managers"): number {
    const [row] = this.#database.all("SELECT version FROM versions WHERE name = ?", name);
    assert(row !== undefined, "both versions are written with the schema");
    return Number(row["version"]);
  }
}

function parseJson(database: Sqlite, text: unknown): SettingValue {
  try {
    return JSON.parse(String(text)) as SettingValue;
  } catch {
    throw corrupt(database, "a row of it is not JSON");
  }
}

function corrupt(database: Sqlite, why: string): DarnerError {
  const next = `or put back a copy of it, or move it away to start empty`;
  return new DarnerError("store.corrupt", `cannot use the database ${database.name}: ${why}, ${next}`);
}
