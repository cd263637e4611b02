/** The config service's state at rest: the port, its memory twin, and the one over a database file. */

export { memoryClusterState } from "./memory.ts";
export { sqliteClusterState } from "./sqlite.ts";
export type { ClusterState, KindRecord, RecordKind, SettingsRecord, SettingValue, StoredRecord } from "./store.ts";
