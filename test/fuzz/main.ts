/**
 * `npm run fuzz -- [--cases N] [--seed S] [--only NAME] [--write]`: every parser, N spoiled inputs each (a
 * million unless said: some ten minutes together), with an eye on time and memory. Prints a row for each;
 * ends with 1 at the first fault and prints what replays it. `--write` adds the table to
 * bench/results/fuzz.jsonl.
 */

import { appendFileSync } from "node:fs";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { DarnerError } from "#base/mod.ts";
import { readFlags } from "../../bench/flags.ts";
import { machineFacts } from "../../bench/machine.ts";
import { Chance } from "./mutation.ts";
import { parsers, type Parser } from "./parsers.ts";

const caseMsMax = 50;
const heapGrowthBytesMax = 8 * 1024 * 1024;
const resultsPath = `${import.meta.dirname}/../../bench/results/fuzz.jsonl`;

setFlagsFromString("--expose-gc");
const collect = runInNewContext("gc") as () => void;

interface FuzzRow {
  readonly parser: string;
  readonly cases: number;
  readonly seconds: number;
  readonly slowestMs: number;
  /** After half of the cases, and after all of them, above what a thousand had left. */
  readonly heapKibHalfway: number;
  readonly heapKibMore: number;
}

function heapBytes(): number {
  collect();
  return process.memoryUsage().heapUsed;
}

/** Undefined, or what went wrong. */
function tryOne(parser: Parser, seed: number): string | undefined {
  try {
    parser.run(new Chance(seed));
    return undefined;
  } catch (error) {
    return error instanceof DarnerError ? undefined : String((error as Error).stack);
  }
}

function timed(parser: Parser, seed: number): { readonly fault: string | undefined; readonly ms: number } {
  const startedMs = performance.now();
  const fault = tryOne(parser, seed);
  return { fault, ms: performance.now() - startedMs };
}

/** The row, or the fault. */
function fuzz(parser: Parser, cases: number, seed: number): FuzzRow | string {
  const startedMs = performance.now();
  for (let number = 0; number < Math.min(cases, 1_000); number++) tryOne(parser, seed + number);
  const before = heapBytes();
  let halfwayBytes = before;
  let slowestMs = 0;
  for (let number = 0; number < cases; number++) {
    if (number === cases >> 1) halfwayBytes = heapBytes();
    const { fault, ms } = timed(parser, seed + number);
    const replay = `--only "${parser.name}" --seed ${seed + number} --cases 1 replays it`;
    if (fault !== undefined) return `${fault}\n${replay}`;
    // The machine does other things as well: what is slow is slow again.
    const surelyMs = ms > caseMsMax ? Math.min(...[1, 2, 3].map(() => timed(parser, seed + number).ms)) : ms;
    if (surelyMs > caseMsMax) return `one input took ${surelyMs.toFixed(0)} ms; ${replay}`;
    slowestMs = Math.max(slowestMs, surelyMs);
  }
  const grownBytes = heapBytes() - before;
  if (grownBytes > heapGrowthBytesMax) return `memory grew by ${grownBytes} bytes with the inputs`;
  return {
    parser: parser.name,
    cases,
    seconds: Math.round((performance.now() - startedMs) / 100) / 10,
    slowestMs: Math.round(slowestMs * 10) / 10,
    heapKibHalfway: Math.round((halfwayBytes - before) / 1024),
    heapKibMore: Math.round(grownBytes / 1024),
  };
}

const columns = (cells: readonly (string | number)[]): string =>
  cells.map((cell, column) => (column === 0 ? String(cell).padEnd(32) : String(cell).padStart(12))).join("");

const values = readFlags(import.meta.filename, {
  cases: { type: "string", default: "1000000" },
  seed: { type: "string", default: String(Math.floor(Math.random() * 2 ** 31)) },
  only: { type: "string" },
  write: { type: "boolean", default: false },
});
console.log(`seed ${values.seed}`);
console.log(columns(["parser", "cases", "seconds", "slowest ms", "heap KiB ½", "heap KiB"]));
const rows: FuzzRow[] = [];
for (const parser of parsers) {
  if (values.only !== undefined && values.only !== parser.name) continue;
  const row = fuzz(parser, Number(values.cases), Number(values.seed));
  if (typeof row === "string") {
    console.error(`FAULT in ${parser.name}: ${row}`);
    process.exitCode = 1;
    break;
  }
  rows.push(row);
  console.log(columns([row.parser, row.cases, row.seconds, row.slowestMs, row.heapKibHalfway, row.heapKibMore]));
}
if (values.write && process.exitCode === undefined) {
  const line = { bench: "fuzz", seed: Number(values.seed), rows, machine: machineFacts() };
  appendFileSync(resultsPath, `${JSON.stringify(line)}\n`);
}
