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

import { isMap, isScalar, isSeq, LineCounter, parseDocument, type YAMLMap } from "yaml";
import { DarnerError } from "#base/mod.ts";
import { nearestWord } from "./nearest.ts";
import type { SettingsGroup } from "./setting.ts";

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

/** Throws `settings.invalid` (not YAML, not text) or `settings.unknown-key`, with file and line. */
export function parseSettingsFile(text: string, path: string, groups: readonly SettingsGroup[]): SettingsFile {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  const fail = (code: "settings.invalid" | "settings.unknown-key", offset: number, why: string): never => {
    const { line } = lines.linePos(offset);
    throw new DarnerError(code, `cannot use the settings in ${path}:${line}: ${why}`, { facts: { path, line } });
  };
  const [broken] = document.errors;
  if (broken !== undefined) fail("settings.invalid", broken.pos[0], broken.message.split("\n", 1)[0]!);
  const root = document.contents;
  if (root === null || (isScalar(root) && root.value === null)) return { path, entries: [] };
  if (!isMap(root))
    return fail("settings.invalid", root.range?.[0] ?? 0, "the file should hold lines of the form NAME: VALUE");

  const sections = new Map(groups.map((group) => [group.section, namesOf([group])]));
  const entries: FileEntry[] = [];
  const readMap = (map: YAMLMap, section: string | undefined, known: ReadonlySet<string>): void => {
    for (const { key, value } of map.items) {
      const offset = (isScalar(key) ? key.range?.[0] : undefined) ?? 0;
      const name = isScalar(key) ? String(key.value) : "";
      if (section === undefined && sections.has(name) && isMap(value)) {
        readMap(value, name, sections.get(name)!);
        continue;
      }
      if (!known.has(name)) {
        const near = nearestWord(name, section === undefined ? [...known, ...sections.keys()] : known);
        const where = section === undefined ? "" : ` in the section "${section}"`;
        fail(
          "settings.unknown-key",
          offset,
          `there is no setting "${name}"${where}${near === undefined ? "" : `; did you mean ${near}?`}`,
        );
      }
      const texts =
        textsOf(value) ?? fail("settings.invalid", offset, `"${name}" should have one value or a list of values`);
      entries.push({ section, name, texts, line: lines.linePos(offset).line });
    }
  };
  readMap(root, undefined, namesOf(groups));
  return { path, entries };
}

/** The text as it stands in the file, so that `010` or `1e3` mean what they mean on the command line. */
function textsOf(node: unknown): string[] | undefined {
  if (isSeq(node)) {
    const texts = node.items.map(textsOf);
    return texts.every((item) => item?.length === 1) ? texts.flatMap((item) => item!) : undefined;
  }
  if (!isScalar(node)) return undefined;
  const { value, source } = node;
  if (typeof value === "string") return [value];
  return typeof value === "number" || typeof value === "boolean" ? [source ?? String(value)] : undefined;
}

function namesOf(groups: readonly SettingsGroup[]): ReadonlySet<string> {
  const all = groups.flatMap((group) => Object.values(group.settings));
  return new Set(all.filter((setting) => setting.flagOnly !== true).map((setting) => setting.name));
}
