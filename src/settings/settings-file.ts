/**
 * The settings file: YAML, common settings at the top, a role's own in the section of its name.
 *
 *     log-level: info
 *     manager: [http://10.0.0.2:8002]
 *     daemon:
 *       upload-rate: 200Mbit
 *
 * A section may also hold a setting of the top, for this role only. Every key of every section is
 * known, or the file is refused: a mistyped limit must not turn into no limit.
 */

import { DarnerError } from "#base/mod.ts";
import { nearestWord } from "./nearest.ts";
import type { SettingsGroup } from "./setting.ts";
import type { YamlEntry } from "./yaml-tree.ts";

export interface FileEntry {
  readonly section: string | undefined;
  readonly name: string;
  readonly texts: readonly string[];
  readonly line: number;
}

export interface SettingsFile {
  readonly path: string;
  readonly entries: readonly FileEntry[];
}

/** Rejects with `settings.invalid` (not YAML, not text) or `settings.unknown-key`, naming file and line. */
export async function parseSettingsFile(
  text: string,
  path: string,
  groups: readonly SettingsGroup[],
): Promise<SettingsFile> {
  const { readYaml } = await import("./yaml-tree.ts");
  const tree = readYaml(text);
  if (tree.kind === "broken") throw fileError("settings.invalid", path, tree.line, tree.why);
  const sections = new Map(groups.map((group) => [group.section, namesOf([group])]));
  const atTop = namesOf(groups);
  const entries = tree.entries.flatMap((entry) => {
    const known = sections.get(entry.name);
    if (known === undefined || entry.value.kind !== "entries") {
      return [checkedEntry(path, undefined, entry, atTop, [...atTop, ...sections.keys()])];
    }
    return entry.value.entries.map((item) => checkedEntry(path, entry.name, item, known, known));
  });
  return { path, entries };
}

function checkedEntry(
  path: string,
  section: string | undefined,
  { name, line, value }: YamlEntry,
  known: ReadonlySet<string>,
  suggested: Iterable<string>,
): FileEntry {
  if (!known.has(name)) {
    const near = nearestWord(name, suggested);
    const where = section === undefined ? "" : ` in the section "${section}"`;
    const hint = near === undefined ? "" : `; did you mean ${near}?`;
    throw fileError("settings.unknown-key", path, line, `there is no setting "${name}"${where}${hint}`);
  }
  if (value.kind === "texts") return { section, name, texts: value.texts, line };
  throw fileError("settings.invalid", path, line, `"${name}" should have one value or a list of values`);
}

function fileError(
  code: "settings.invalid" | "settings.unknown-key",
  path: string,
  line: number,
  why: string,
): DarnerError {
  return new DarnerError(code, `cannot use the settings in ${path}:${line}: ${why}`, { facts: { path, line } });
}

function namesOf(groups: readonly SettingsGroup[]): ReadonlySet<string> {
  const all = groups.flatMap((group) => Object.values(group.settings));
  return new Set(all.filter((setting) => setting.flagOnly !== true).map((setting) => setting.name));
}
