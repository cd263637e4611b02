/** From the process' surroundings to a role's settings: places, environment, the settings file. */

import { readFileSync, statSync } from "node:fs";
import { homedir } from "node:os";
import { DarnerError } from "#base/mod.ts";
import {
  parseSettingsFile,
  placesFor,
  resolveSettings,
  settingsGroups,
  type Declarations,
  type Places,
  type Resolved,
  type SettingOrigin,
  type SettingsGroup,
  type SettingsFile,
  type SettingSources,
} from "#settings/mod.ts";
import { joinedConfigService } from "./joined-cluster.ts";
import type { Flags } from "./command-line.ts";

const fileBytesMax = 1024 * 1024;

export function placesHere(): Places {
  return placesFor({ userId: process.getuid?.() ?? 0, home: homeHere(), environment: process.env });
}

function homeHere(): string | undefined {
  try {
    return homedir();
  } catch {
    return undefined; // an unnamed user id without HOME, as in some containers
  }
}

/**
 * All that a role's settings are made from; hand it to `resolveSettings` once for each role. A file
 * that was named must be there, those of the default places may be missing. Rejects with
 * `settings.invalid`, `settings.unknown-key`.
 */
export async function loadSources(
  flags: Flags,
  environment: NodeJS.ProcessEnv = process.env,
  places = placesHere(),
): Promise<SettingSources> {
  const named = flags["config"]?.at(-1) ?? (environment["DARNER_CONFIG"] || undefined);
  const path =
    named ?? places.settingsFiles.find((candidate) => statSync(candidate, { throwIfNoEntry: false })?.isFile());
  return { flags, environment, places, file: path === undefined ? undefined : await readSettingsFile(path) };
}

/**
 * As `resolveSettings`; where nobody names a config service, it is that of the cluster which the data
 * directory has joined, unless what is named is another cluster.
 */
export function resolveJoined<D extends Declarations>(group: SettingsGroup<D>, sources: SettingSources): Resolved<D> {
  const resolved = resolveSettings(group, sources);
  const { dataDir, manager, trust } = resolved.values as {
    dataDir?: string;
    manager?: readonly string[];
    trust?: string;
  };
  const isOpen = (resolved.origins as Record<string, SettingOrigin>)["configService"]?.kind === "default";
  if (!isOpen || dataDir === undefined || trust === "off" || isElsewhere(manager ?? [])) return resolved;
  const url = joinedConfigService(dataDir, group.section);
  return url === undefined ? resolved : resolveSettings(group, { ...sources, joined: { "config-service": url } });
}

/** Managers that are spoken to in clear are none of the cluster that was joined. */
function isElsewhere(managers: readonly string[]): boolean {
  return managers.length > 0 && managers.every((url) => url.startsWith("http:"));
}

function readSettingsFile(path: string): Promise<SettingsFile> {
  let text: string;
  try {
    if (statSync(path).size > fileBytesMax) throw new Error(`it is larger than ${fileBytesMax} bytes`);
    text = readFileSync(path, "utf8");
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException;
    const why = code === "ENOENT" ? "there is no such file" : code === "EACCES" ? "permission denied" : message;
    throw new DarnerError("settings.invalid", `cannot read the settings in ${path}: ${why}`, { cause });
  }
  return parseSettingsFile(text, path, settingsGroups);
}
