/**
 * The shape of a file: how it opens, how long it and its functions are, what it is called.
 *
 * A function's length is counted from the line of its opening brace to that of its closing one. The
 * callback of `describe` is no function in this sense.
 */

import { lineAt, type Finding, type SourceFile } from "./source.ts";

const fileLinesMax = 400;
const functionLinesMax = 70;
const columnsMax = 120;
const emptyNames = /^(?:utils?|misc|helpers?)$/;

export function checkShape(file: SourceFile): Finding[] {
  return [...checkName(file), ...checkOpening(file), ...checkLines(file), ...checkFunctions(file)];
}

function checkName(file: SourceFile): Finding[] {
  const words = file.path.split("/").map((part) => part.split(".", 1)[0]!);
  const empty = words.find((word) => emptyNames.test(word));
  if (empty === undefined) return [];
  return [{ path: file.path, line: 1, message: `name rule: "${empty}" says nothing; name the thing that is in it` }];
}

function checkOpening(file: SourceFile): Finding[] {
  const opening = /^(?:#!.*\n)?\/\*\*([\s\S]*?)\*\//.exec(file.text);
  if (opening !== null && opening[1]!.replaceAll(/[\s*]+/g, " ").trim().length >= 20) return [];
  return [
    { path: file.path, line: 1, message: "opening rule: open the file with a /** paragraph that says what it is" },
  ];
}

function checkLines(file: SourceFile): Finding[] {
  const findings: Finding[] = [];
  const lines = file.text.trimEnd().split("\n");
  if (lines.length > fileLinesMax) {
    const message = `length rule: ${lines.length} lines, at most ${fileLinesMax}; split the file along its ideas`;
    findings.push({ path: file.path, line: fileLinesMax + 1, message });
  }
  // The formatter sees to code; it leaves comments as they are.
  lines.forEach((line, index) => {
    if (line.length <= columnsMax || !/^\s*(?:\*|\/\*|\/\/)/.test(line)) return;
    const message = `width rule: a comment of ${line.length} columns, at most ${columnsMax}`;
    findings.push({ path: file.path, line: index + 1, message });
  });
  return findings;
}

/** A suite of stories is one function to the machine and many to the reader. */
const isSuite = (file: SourceFile): boolean => file.path.endsWith(".test.ts") || file.path.startsWith("test/");

function checkFunctions(file: SourceFile): Finding[] {
  if (isSuite(file)) return [];
  const findings: Finding[] = [];
  const opened: number[] = [];
  for (let index = 0; index < file.code.length; index++) {
    if (file.code[index] === "{") opened.push(index);
    if (file.code[index] !== "}") continue;
    const start = opened.pop();
    if (start === undefined || !opensFunction(file.code, start)) continue;
    const first = lineAt(file.code, start);
    const length = lineAt(file.code, index) - first + 1;
    if (length <= functionLinesMax) continue;
    const message = `length rule: a function of ${length} lines, at most ${functionLinesMax}; split it along its steps`;
    findings.push({ path: file.path, line: first, message });
  }
  return findings;
}

const openers: Readonly<Record<string, string>> = { "}": "{", "]": "[", ")": "(", ">": "<" };

/** Where the bracket that closes at `end` opens, or -1. */
function matchingOpener(code: string, end: number): number {
  const close = code[end]!;
  let depth = 0;
  for (let index = end; index >= 0; index--) {
    if (code[index] === close && !(close === ">" && code[index - 1] === "=")) depth++;
    else if (code[index] === openers[close] && --depth === 0) return index;
  }
  return -1;
}

/** Whether the brace at `brace` opens a function's body: an arrow, or a parameter list with or without a type. */
function opensFunction(code: string, brace: number): boolean {
  if (/\bclass\b[^(){};]*$/.test(code.slice(Math.max(0, brace - 200), brace))) return false;
  let index = brace - 1;
  for (;;) {
    while (index >= 0 && /\s/.test(code[index]!)) index--;
    const char = code[index];
    if (char === undefined) return false;
    if (char === ">" && code[index - 1] === "=") return !isDescribe(code, index);
    if (char === ")") {
      const open = matchingOpener(code, index);
      const word = /([\w$]+)\s*(?:<[^()]*>)?$/.exec(code.slice(Math.max(0, open - 80), open))?.[1];
      return word !== undefined && !/^(?:if|for|while|switch|catch|with|await)$/.test(word);
    }
    if (char === "}" || char === "]" || char === ">") index = matchingOpener(code, index) - 1;
    else if (/[\w$.:|&"']/.test(char)) index--;
    else return false;
  }
}

function isDescribe(code: string, arrow: number): boolean {
  return /\b(?:describe|suite)\s*\([^;{}]*$/.test(code.slice(Math.max(0, arrow - 200), arrow));
}
