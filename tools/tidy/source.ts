/**
 * A source file as the tidy rules see it: its text, the same text with comments and the insides of
 * strings and regular expressions blanked (same length, same lines), and what it imports.
 *
 * The scanner knows just enough of TypeScript for that. It needs no parser, so the check stays fast
 * and has no dependency; where it could be fooled, it would blank too much rather than too little.
 */

import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

export interface SourceFile {
  /** From the repository's root, with forward slashes: `src/base/mod.ts`. */
  readonly path: string;
  readonly text: string;
  /** `text` without comments, and with spaces inside quotes and regular expressions. */
  readonly code: string;
  readonly imports: readonly Import[];
}

export interface Import {
  /** As written: `./x.ts`, `#base/mod.ts`, `node:fs`, `pino`. */
  readonly specifier: string;
  readonly line: number;
  /** Path of one of our own files from the root, or undefined for packages and `node:`. */
  readonly target: string | undefined;
}

/** What a rule found: the message says which rule is broken and what to do instead. */
export interface Finding {
  readonly path: string;
  readonly line: number;
  readonly message: string;
}

export function lineAt(text: string, offset: number): number {
  let line = 1;
  for (let index = 0; index < offset; index++) if (text.charCodeAt(index) === 10) line++;
  return line;
}

export function sourceFile(path: string, text: string): SourceFile {
  const code = blank(text);
  return { path, text, code, imports: importsOf(path, text, code) };
}

/** Every .ts file of ours under the folders named, in order. */
export function readSources(root: string, folders: readonly string[]): SourceFile[] {
  const files: SourceFile[] = [];
  for (const folder of folders) {
    for (const entry of readdirSync(join(root, folder), { recursive: true, withFileTypes: true })) {
      if (!entry.isFile() || !entry.name.endsWith(".ts")) continue;
      const path = join(entry.parentPath, entry.name);
      files.push(sourceFile(path.slice(root.length + 1), readFileSync(path, "utf8")));
    }
  }
  return files.sort((a, b) => (a.path < b.path ? -1 : 1));
}

function importsOf(path: string, text: string, code: string): Import[] {
  const imports: Import[] = [];
  for (const match of code.matchAll(/\b(?:from|import)\s*\(?\s*(["'])( *)\1/g)) {
    const start = match.index + match[0].length - 1 - match[2]!.length;
    const specifier = text.slice(start, start + match[2]!.length);
    imports.push({ specifier, line: lineAt(text, start), target: resolve(path, specifier) });
  }
  return imports;
}

function resolve(from: string, specifier: string): string | undefined {
  if (specifier.startsWith("#")) return `src/${specifier.slice(1)}`;
  if (!specifier.startsWith(".")) return undefined;
  const parts = from.split("/").slice(0, -1);
  for (const part of specifier.split("/")) {
    if (part === "..") parts.pop();
    else if (part !== ".") parts.push(part);
  }
  return parts.join("/");
}

type Blanker = (text: string, start: number) => number;

const endOfLineComment: Blanker = (text, start) => {
  const end = text.indexOf("\n", start);
  return end < 0 ? text.length : end;
};

const endOfBlockComment: Blanker = (text, start) => {
  const end = text.indexOf("*/", start + 2);
  return end < 0 ? text.length : end + 2;
};

const endOfString: Blanker = (text, start) => {
  let index = start + 1;
  while (index < text.length && text[index] !== text[start] && text[index] !== "\n")
    index += text[index] === "\\" ? 2 : 1;
  return index + 1;
};

const endOfRegExp: Blanker = (text, start) => {
  let inClass = false;
  let index = start + 1;
  while (index < text.length && text[index] !== "\n" && (inClass || text[index] !== "/")) {
    if (text[index] === "\\") index++;
    else if (text[index] === "[") inClass = true;
    else if (text[index] === "]") inClass = false;
    index++;
  }
  return index + 1;
};

/** Ends at the closing backtick, or behind a `${` that opens code. */
const endOfTemplate: Blanker = (text, start) => {
  let index = start + 1;
  while (index < text.length) {
    if (text[index] === "`") return index + 1;
    if (text[index] === "$" && text[index + 1] === "{") return index + 2;
    index += text[index] === "\\" ? 2 : 1;
  }
  return text.length;
};

const spaces = (text: string): string => text.replaceAll(/[^\n]/g, " ");

/** Blanks the insides of a quoted run, keeping its first and last `edge` characters. */
const hollow = (text: string, edge: number): string =>
  text.length <= 2 * edge ? text : text.slice(0, edge) + spaces(text.slice(edge, -edge)) + text.slice(-edge);

/** A slash here starts a regular expression, unless something that can be divided stands before it. */
function startsRegExp(before: string): boolean {
  const trimmed = before.trimEnd();
  if (/\b(?:return|typeof|case|in|of|void|throw|await|yield)$/.test(trimmed)) return true;
  return !/[\w$)\]}"'`]$/.test(trimmed);
}

function blank(text: string): string {
  let code = "";
  let index = 0;
  /** Depth of braces inside each open template's `${ }`. */
  const templates: number[] = [];
  while (index < text.length) {
    const char = text[index]!;
    const pair = text.slice(index, index + 2);
    let end = index + 1;
    let piece = char;
    if (pair === "//" || (index === 0 && pair === "#!"))
      piece = spaces(text.slice(index, (end = endOfLineComment(text, index))));
    else if (pair === "/*") piece = spaces(text.slice(index, (end = endOfBlockComment(text, index))));
    else if (char === '"' || char === "'") piece = hollow(text.slice(index, (end = endOfString(text, index))), 1);
    else if (char === "/" && startsRegExp(code.slice(-40)))
      piece = hollow(text.slice(index, (end = endOfRegExp(text, index))), 1);
    else if (char === "`" || (char === "}" && templates.at(-1) === 0)) {
      if (char === "}") templates.pop();
      end = endOfTemplate(text, index);
      const opensCode = text[end - 1] === "{";
      if (opensCode) templates.push(0);
      piece = `${char === "}" ? "}" : "`"}${spaces(text.slice(index + 1, end - 1))}${opensCode ? "{" : "`"}`;
    } else if (templates.length > 0 && char === "{") templates[templates.length - 1]!++;
    else if (templates.length > 0 && char === "}") templates[templates.length - 1]!--;
    code += piece;
    index = end;
  }
  return code;
}
