/**
 * Settings that change while a role runs. What the cluster says counts only where nobody on the host
 * said anything; what an operator says to the running role counts until it ends. A change is named
 * as in the file: `upload-rate`, or `daemon.upload-rate` for one role only.
 */

import { asDarnerError, DarnerError } from "#base/mod.ts";
import { settingsGroups } from "./groups.ts";
import { nearestWord } from "./nearest.ts";
import { readSetting, type Resolved, type SettingOrigin } from "./resolve.ts";
import type { Declarations, Setting, SettingsGroup, ValuesOf } from "./setting.ts";

const sayings: Readonly<Record<"cluster" | "running", SettingOrigin>> = {
  cluster: { kind: "cluster", text: "the cluster's settings" },
  running: { kind: "running", text: "changed while running" },
};

/** Name -> a text, number, boolean or list of texts. */
export type SettingChanges = Readonly<Record<string, unknown>>;

/**
 * The settings after `changes`. Nothing is changed when one of them is unknown
 * (`settings.unknown-key`), bad, or of a setting that needs a restart (`settings.invalid`). The
 * cluster speaks to every role at once, so of its changes those for other roles are passed over;
 * `resolved` is then what the host itself said, so that a change taken back is forgotten.
 */
export function changeSettings<D extends Declarations>(
  group: SettingsGroup<D>,
  resolved: Resolved<D>,
  changes: SettingChanges,
  from: "cluster" | "running",
): Resolved<D> {
  const values: Record<string, unknown> = { ...resolved.values };
  const origins: Record<string, SettingOrigin> = { ...resolved.origins };
  // Those for one role come last, so that they win over those for all.
  for (const [key, change] of Object.entries(changes).sort(
    ([a], [b]) => Number(a.includes(".")) - Number(b.includes(".")),
  )) {
    const { section, name } = split(key);
    const found = Object.entries(group.settings).find(([, setting]) => setting.name === name);
    if (found === undefined || (section ?? group.section) !== group.section) {
      if (from === "cluster") continue;
      throw unknownSetting(key, [group]);
    }
    const [property, setting] = found;
    const value = readChange(setting, key, change, sayings[from]);
    if (from === "cluster" && !["default", "cluster"].includes(origins[property]!.kind)) continue;
    values[property] = value;
    origins[property] = sayings[from];
  }
  group.check?.(values as ValuesOf<D>);
  return { values: values as ValuesOf<D>, origins: origins as Resolved<D>["origins"] };
}

/** What is wrong with a change for a whole cluster, or undefined. */
export function clusterSettingProblem(key: string, change: unknown): string | undefined {
  const { section, name } = split(key);
  const groups = settingsGroups.filter((group) => group.section === (section ?? group.section));
  const settings = groups.flatMap((group) => Object.values(group.settings)).filter((setting) => setting.name === name);
  try {
    if (settings.length === 0) throw unknownSetting(key, groups.length === 0 ? settingsGroups : groups);
    for (const setting of settings) readChange(setting, key, change, sayings.cluster);
    return undefined;
  } catch (error) {
    return asDarnerError(error).message;
  }
}

function split(key: string): { readonly section: string | undefined; readonly name: string } {
  const dot = key.indexOf(".");
  return dot < 0 ? { section: undefined, name: key } : { section: key.slice(0, dot), name: key.slice(dot + 1) };
}

function readChange(setting: Setting<unknown>, key: string, change: unknown, origin: SettingOrigin): unknown {
  const facts = { setting: key };
  if (setting.live !== true) {
    throw new DarnerError("settings.invalid", `cannot change ${key} while running: it needs a restart`, { facts });
  }
  const texts = Array.isArray(change) ? change : [change];
  if (!texts.every((text) => ["string", "number", "boolean"].includes(typeof text))) {
    throw new DarnerError("settings.invalid", `cannot change ${key}: it should be one value or a list of values`, {
      facts,
    });
  }
  return readSetting(setting, texts.map(String), origin);
}

function unknownSetting(key: string, groups: readonly SettingsGroup[]): DarnerError {
  const names = groups.flatMap((group) => Object.values(group.settings).map((setting) => setting.name));
  const near = nearestWord(split(key).name, names);
  const hint = near === undefined ? "" : `; did you mean ${near}?`;
  const message = `cannot change ${key}: there is no such setting${hint}`;
  return new DarnerError("settings.unknown-key", message, { facts: { setting: key } });
}
