/**
 * A YAML text as the little that settings need: names, each with texts or with names below it, and
 * the line of each. A module of its own, so that only a process with a settings file loads YAML.
 */

import { isMap, isScalar, isSeq, LineCounter, parseDocument, type YAMLMap } from "yaml";

export interface YamlEntry {
  readonly name: string;
  readonly line: number;
  /** `other`: nothing, an alias, or a list of more than texts. */
  readonly value:
    | { readonly kind: "texts"; readonly texts: readonly string[] }
    | { readonly kind: "entries"; readonly entries: readonly YamlEntry[] }
    | { readonly kind: "other" };
}

export type YamlTree =
  | { readonly kind: "entries"; readonly entries: readonly YamlEntry[] }
  | { readonly kind: "broken"; readonly line: number; readonly why: string };

export function readYaml(text: string): YamlTree {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  const [error] = document.errors;
  if (error !== undefined) {
    return { kind: "broken", line: lines.linePos(error.pos[0]).line, why: error.message.split("\n", 1)[0]! };
  }
  const root = document.contents;
  if (root === null || (isScalar(root) && root.value === null)) return { kind: "entries", entries: [] };
  if (isMap(root)) return { kind: "entries", entries: entriesOf(root, lines) };
  const line = lines.linePos(root.range?.[0] ?? 0).line;
  return { kind: "broken", line, why: "the file should hold lines of the form NAME: VALUE" };
}

function entriesOf(map: YAMLMap, lines: LineCounter): YamlEntry[] {
  return map.items.map(({ key, value }) => ({
    name: isScalar(key) ? String(key.value) : "",
    line: lines.linePos((isScalar(key) ? key.range?.[0] : undefined) ?? map.range?.[0] ?? 0).line,
    value: isMap(value) ? { kind: "entries", entries: entriesOf(value, lines) } : textsOf(value),
  }));
}

function textsOf(node: unknown): YamlEntry["value"] {
  const texts = isSeq(node) ? node.items.map(textOf) : [textOf(node)];
  const whole = texts.filter((text) => text !== undefined);
  return whole.length === texts.length ? { kind: "texts", texts: whole } : { kind: "other" };
}

/** The text as it stands in the file, so that `010` or `1e3` mean what they mean on the command line. */
function textOf(node: unknown): string | undefined {
  if (!isScalar(node)) return undefined;
  const { value, source } = node;
  if (typeof value === "string") return value;
  return typeof value === "number" || typeof value === "boolean" ? (source ?? String(value)) : undefined;
}
