/**
 * What the pure rooms may not touch. base and core take time, chance and bytes as arguments and give
 * values back; the rooms that run take them through ports, so that a simulator can stand in.
 */

import { lineAt, type Finding, type SourceFile } from "./source.ts";

interface Ban {
  readonly pattern: RegExp;
  readonly instead: string;
}

const timeAndChance: readonly Ban[] = [
  { pattern: /\bDate\s*\.\s*now\b|\bnew Date(?:\(\s*\)|\s*[;,)])/g, instead: "ask the Clock port" },
  { pattern: /\bperformance\s*\./g, instead: "take the time as a number, or ask the Clock port" },
  { pattern: /\bset(?:Timeout|Interval)\s*\(/g, instead: "return when to be called again, or use the Clock port" },
  { pattern: /\bMath\s*\.\s*random\b/g, instead: "take the randomness as an argument, or use the Random port" },
];

const effects: readonly Ban[] = [
  { pattern: /\bDate\b(?!\s*\.\s*now\b|\(\s*\))/g, instead: "take times as numbers" },
  { pattern: /\basync\b|\bawait\b/g, instead: "take an event and return effects" },
  { pattern: /\bPromise\b/g, instead: "take an event and return effects" },
  { pattern: /\b(?:setImmediate|queueMicrotask|fetch)\s*\(/g, instead: "take an event and return effects" },
  { pattern: /\bconsole\s*\./g, instead: "return what is to be told" },
  { pattern: /\b(?:process|globalThis|crypto)\s*\./g, instead: "take what is needed as an argument" },
];

export function checkPurity(file: SourceFile): Finding[] {
  if (!file.path.startsWith("src/") || file.path.endsWith(".test.ts")) return [];
  // The hands, and the composition root that gives them out.
  if (/^src\/(?:platform\/|commands\/|main\.ts)/.test(file.path)) return [];
  const pure = /^src\/(?:base|core)\//.test(file.path);
  const findings = banned(
    file,
    pure ? [...timeAndChance, ...effects] : timeAndChance,
    pure ? "pure rule" : "port rule",
  );
  if (!pure) return findings;
  for (const item of file.imports) {
    if (item.target !== undefined) continue;
    const message = `pure rule: base and core import nothing but base and core, but this is ${item.specifier}`;
    findings.push({ path: file.path, line: item.line, message });
  }
  return findings;
}

function banned(file: SourceFile, bans: readonly Ban[], rule: string): Finding[] {
  return bans.flatMap(({ pattern, instead }) =>
    Array.from(file.code.matchAll(pattern), (match) => ({
      path: file.path,
      line: lineAt(file.code, match.index),
      message: `${rule}: ${match[0].trim()} has no place here; ${instead}`,
    })),
  );
}
