/**
 * From declarations and what people wrote to values: flag before environment before file before
 * default. Nothing is opened here; a bad value is refused with the place it came from.
 */

import { DarnerError } from "#base/mod.ts";
import type { Places } from "./places.ts";
import {
  defaultOf,
  environmentName,
  type Declarations,
  type Setting,
  type SettingsGroup,
  type ValuesOf,
} from "./setting.ts";
import type { SettingsFile } from "./settings-file.ts";

export interface SettingOrigin {
  readonly kind: "flag" | "environment" | "file" | "joined" | "cluster" | "running" | "default";
  /** `--upload-rate`, `DARNER_UPLOAD_RATE`, `/etc/darner/darner.yaml:12`, `default`. */
  readonly text: string;
}

export interface SettingSources {
  /** By setting name, only those given. */
  readonly flags: Readonly<Record<string, readonly string[]>>;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly file?: SettingsFile | undefined;
  readonly places: Places;
  /** By setting name: what follows from the cluster that was joined, where nobody says another thing. */
  readonly joined?: Readonly<Record<string, string>>;
}

export interface Resolved<D extends Declarations> {
  readonly values: ValuesOf<D>;
  readonly origins: { readonly [P in keyof D]: SettingOrigin };
}

/** Throws `settings.invalid`, `trust.required`. */
export function resolveSettings<D extends Declarations>(group: SettingsGroup<D>, sources: SettingSources): Resolved<D> {
  const values: Record<string, unknown> = {};
  const origins: Record<string, SettingOrigin> = {};
  for (const [property, setting] of Object.entries(group.settings)) {
    const given = findText(setting, group.section, sources);
    values[property] =
      given === undefined ? defaultOf(setting, sources.places) : readSetting(setting, given.texts, given.origin);
    origins[property] = given?.origin ?? { kind: "default", text: "default" };
  }
  group.check?.(values as ValuesOf<D>);
  return { values: values as ValuesOf<D>, origins: origins as Resolved<D>["origins"] };
}

/** Throws `settings.invalid`, naming the setting, the text and where it came from. */
export function readSetting<T>(setting: Setting<T>, texts: readonly string[], origin: SettingOrigin): T {
  const read = setting.kind.read(texts);
  if ("value" in read) return read.value;
  const message = `cannot use "${texts.join(",")}" for ${setting.name} (${origin.text}): ${read.problem}`;
  throw new DarnerError("settings.invalid", message, { facts: { setting: setting.name, origin: origin.text } });
}

interface Given {
  readonly texts: readonly string[];
  readonly origin: SettingOrigin;
}

function findText(setting: Setting<unknown>, section: string, sources: SettingSources): Given | undefined {
  const flag = sources.flags[setting.name];
  if (flag !== undefined) return { texts: flag, origin: { kind: "flag", text: `--${setting.name}` } };
  if (setting.flagOnly === true) return undefined;
  const variable = environmentName(setting.name);
  const text = sources.environment[variable];
  // An empty variable is how a shell or a unit file says "not set".
  if (text !== undefined && text !== "") return { texts: [text], origin: { kind: "environment", text: variable } };
  const named = sources.file?.entries.filter((entry) => entry.name === setting.name) ?? [];
  const entry = named.find((item) => item.section === section) ?? named.find((item) => item.section === undefined);
  const joined = sources.joined?.[setting.name];
  if (entry === undefined && joined !== undefined) {
    return { texts: [joined], origin: { kind: "joined", text: "the cluster that was joined" } };
  }
  if (entry === undefined) return undefined;
  return { texts: entry.texts, origin: { kind: "file", text: `${sources.file!.path}:${entry.line}` } };
}

/** Read where no settings are: one switches off the native calls, one is an operator's secret. */
const variablesBesideSettings = ["DARNER_NATIVE", "DARNER_TOKEN"];

/** `DARNER_*` variables that no setting has: most likely mistyped. */
export function unknownVariables(
  environment: Readonly<Record<string, string | undefined>>,
  groups: readonly SettingsGroup[],
): readonly string[] {
  const settings = groups
    .flatMap((group) => Object.values(group.settings))
    .filter((setting) => setting.flagOnly !== true);
  const known = new Set([...variablesBesideSettings, ...settings.map((setting) => environmentName(setting.name))]);
  return Object.keys(environment)
    .filter((name) => name.startsWith("DARNER_") && !known.has(name))
    .sort();
}
