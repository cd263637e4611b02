/** Cluster state that ends with the process: for tests, for simulated clusters, for the conformance test's twin. */

import type { ManagerList } from "#core/placement/mod.ts";
import type { ClusterState, RecordKind, SettingsRecord, SettingValue } from "./store.ts";

export function memoryClusterState(): ClusterState {
  let version = 1;
  let list: ManagerList = { version: 1, managers: [] };
  const settings = new Map<string, string>();
  const kinds = new Map<RecordKind, Map<string, string>>();
  const recordsOf = (kind: RecordKind): Map<string, string> => {
    const known = kinds.get(kind) ?? new Map<string, string>();
    kinds.set(kind, known);
    return known;
  };
  const record = (): SettingsRecord => ({
    version,
    settings: Object.fromEntries([...settings].map(([key, text]) => [key, JSON.parse(text) as SettingValue])),
  });
  return {
    settings: async () => record(),
    putSetting: async (key, value) => {
      const text = JSON.stringify(value);
      if (settings.get(key) !== text) {
        settings.set(key, text);
        version++;
      }
      return record();
    },
    deleteSetting: async (key) => {
      if (settings.delete(key)) version++;
      return record();
    },
    managers: async () => list,
    keepManagers: async (newer) => {
      if (newer.version > list.version) list = structuredClone(newer);
    },
    records: async (kind) =>
      [...recordsOf(kind)]
        .map(([id, text]) => ({ id, value: JSON.parse(text) as SettingValue }))
        .sort((a, b) => (a.id < b.id ? -1 : 1)),
    putRecords: async (...records) => {
      const texts = records.map(({ value }) => JSON.stringify(value));
      for (const [place, { kind, id }] of records.entries()) recordsOf(kind).set(id, texts[place]!);
    },
    deleteRecord: async (kind, id) => recordsOf(kind).delete(id),
    close: async () => {},
  };
}
