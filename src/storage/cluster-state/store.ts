/**
 * What the config service keeps at rest: the cluster's settings, the last known list of managers, and
 * records of members and tokens.
 *
 * 1. A change that was acknowledged is there after a crash.
 * 2. Versions only rise, also over a restart; a change that changes nothing leaves them as they are.
 * 3. A failed change changed nothing.
 *
 * The calls are asynchronous because a database server will stand behind them where the config service
 * runs in copies.
 */

import type { ManagerList } from "#core/placement/mod.ts";

export type SettingValue =
  | string
  | number
  | boolean
  | null
  | readonly SettingValue[]
  | { readonly [key: string]: SettingValue };

export interface SettingsRecord {
  readonly version: number;
  readonly settings: Readonly<Record<string, SettingValue>>;
}

/** Members, the digests of the tokens that were given out, and preheat orders; never a secret itself. */
export type RecordKind = "member" | "join-token" | "api-token" | "preheat";

export interface StoredRecord {
  readonly id: string;
  readonly value: SettingValue;
}

export interface KindRecord extends StoredRecord {
  readonly kind: RecordKind;
}

export interface ClusterState {
  settings(): Promise<SettingsRecord>;
  /** Returns all settings as they are after the change. Rejects with `disk.full` and its kin. */
  putSetting(key: string, value: SettingValue): Promise<SettingsRecord>;
  deleteSetting(key: string): Promise<SettingsRecord>;
  managers(): Promise<ManagerList>;
  /** Replaces the list as a whole; one whose version is not higher than what is kept is ignored. */
  keepManagers(list: ManagerList): Promise<void>;
  /** What was put under a kind, in the order of the ids. */
  records(kind: RecordKind): Promise<readonly StoredRecord[]>;
  /** All of them, or when it rejects none. */
  putRecords(...records: readonly KindRecord[]): Promise<void>;
  /** True for one caller alone: whoever deletes it first. */
  deleteRecord(kind: RecordKind, id: string): Promise<boolean>;
  close(): Promise<void>;
}
