/**
 * Stories about the state machines as text, in the manner of etcd's raft: a command, a line of dashes,
 * and what follows from it, up to an empty line; `#` begins a remark. DARNER_REWRITE=1 writes what
 * happens now into the files instead of comparing: then read the diff as carefully as code.
 */

import assert from "node:assert/strict";
import { globSync, readFileSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { test } from "node:test";

const rule = "----";
const nothing = "(nothing)";

interface Block {
  /** Remarks and empty lines ahead of the command, as they stand. */
  readonly lead: readonly string[];
  readonly command: string;
  readonly expected: readonly string[];
}

/** A machine that lives through one file: takes a command's words, returns what it does. */
export type Actor = (command: string, words: readonly string[]) => readonly string[];

/** One test for each `*.txt` in `folder`, beside this file; `newActor` makes the machine of one story. */
export function playStories(folder: string, newActor: () => Actor): void {
  const paths = globSync(join(import.meta.dirname, folder, "*.txt")).sort();
  assert.ok(paths.length > 0, `stories in ${folder}`);
  for (const path of paths) {
    test(`${folder}: ${basename(path, ".txt").replaceAll("-", " ")}`, () => playStory(path, newActor()));
  }
}

function playStory(path: string, actor: Actor): void {
  const { blocks, tail } = parse(readFileSync(path, "utf8"), path);
  const rewrite = process.env["DARNER_REWRITE"] === "1";
  const out: string[] = [];
  for (const block of blocks) {
    const [name = "", ...words] = block.command.split(/\s+/);
    const happened = actor(name, words);
    const actual = happened.length === 0 ? [nothing] : happened;
    out.push(...tidied(block.lead), block.command, rule, ...actual, "");
    if (!rewrite) assert.deepEqual(actual, block.expected, `${basename(path)}, after "${block.command}"`);
  }
  if (rewrite) writeFileSync(path, [...out, ...tail].join("\n").replace(/\n*$/, "\n"));
}

/** One empty line where there are several, none at the start. */
function tidied(lead: readonly string[]): string[] {
  return lead.filter((line, at) => line !== "" || (at > 0 && lead[at - 1] !== ""));
}

function parse(text: string, path: string): { blocks: Block[]; tail: string[] } {
  const lines = text.split("\n");
  const blocks: Block[] = [];
  let lead: string[] = [];
  for (let at = 0; at < lines.length; at++) {
    const line = lines[at]!;
    if (line === "" || line.startsWith("#")) {
      lead.push(line);
      continue;
    }
    const expected: string[] = [];
    // A command that is new has no rule yet: rewriting adds it.
    if (lines[at + 1] === rule) {
      for (at += 2; at < lines.length && lines[at] !== ""; at++) expected.push(lines[at]!);
    }
    blocks.push({ lead, command: line.trim(), expected });
    lead = [];
  }
  assert.ok(blocks.length > 0, `${path} holds commands`);
  return { blocks, tail: lead };
}

/** `0-3,7` as numbers; `none` is no number. */
export function parseIndices(text: string): number[] {
  if (text === "none") return [];
  return text.split(",").flatMap((part) => {
    const [first, last = first] = part.split("-").map(Number);
    assert.ok(Number.isInteger(first) && Number.isInteger(last), `pieces look like 0-3,7, unlike ${text}`);
    return Array.from({ length: last! - first! + 1 }, (_, step) => first! + step);
  });
}

/** The inverse of `parseIndices`, in the order given. */
export function formatIndices(indices: readonly number[]): string {
  const runs: [first: number, last: number][] = [];
  for (const index of indices) {
    const run = runs.at(-1);
    if (run !== undefined && run[1] + 1 === index) run[1] = index;
    else runs.push([index, index]);
  }
  return runs.length === 0
    ? "none"
    : runs.map(([first, last]) => (first === last ? `${first}` : `${first}-${last}`)).join(",");
}
