/** Cluster state that ends with the process: for tests, for simulated clusters, for the conformance test's twin. */

import type { ManagerList } from "#core/placement/mod.ts";
import type { ClusterState, SettingsRecord, SettingValue } from "./store.ts";

export function memoryClusterState(): ClusterState {
  let version = 1;
  let list: ManagerList = { version: 1, managers: [] };
  const settings = new Map<string, string>();
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
    close: async () => {},
  };
}
