/**
 * `npm run fuzz -- [--cases N] [--seed S] [--only NAME]`: every parser, N spoiled inputs each (a
 * million unless said), with an eye on time and memory. Ends with 1 at the first fault and prints what
 * replays it.
 */

import { parseArgs } from "node:util";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { DarnerError } from "#base/mod.ts";
import { Chance } from "./mutation.ts";
import { parsers, type Parser } from "./parsers.ts";

const caseMsMax = 50;
const heapGrowthBytesMax = 8 * 1024 * 1024;

setFlagsFromString("--expose-gc");
const collect = runInNewContext("gc") as () => void;

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

function fuzz(parser: Parser, cases: number, seed: number): string | undefined {
  const startedMs = performance.now();
  for (let number = 0; number < Math.min(cases, 1_000); number++) tryOne(parser, seed + number);
  const before = heapBytes();
  let slowestMs = 0;
  for (let number = 0; number < cases; number++) {
    const { fault, ms } = timed(parser, seed + number);
    const replay = `--only "${parser.name}" --seed ${seed + number} --cases 1 replays it`;
    if (fault !== undefined) return `${fault}\n${replay}`;
    // The machine does other things as well: what is slow is slow again.
    const surelyMs = ms > caseMsMax ? Math.min(...[1, 2, 3].map(() => timed(parser, seed + number).ms)) : ms;
    if (surelyMs > caseMsMax) return `one input took ${surelyMs.toFixed(0)} ms; ${replay}`;
    slowestMs = Math.max(slowestMs, surelyMs);
  }
  const grownBytes = heapBytes() - before;
  const seconds = ((performance.now() - startedMs) / 1000).toFixed(1);
  const facts = `${seconds} s, slowest ${slowestMs.toFixed(1)} ms, heap ${(grownBytes / 1024).toFixed(0)} KiB more`;
  console.log(`${parser.name.padEnd(34)} ${cases} cases  ${facts}`);
  return grownBytes > heapGrowthBytesMax ? "memory grew with the inputs" : undefined;
}

const { values } = parseArgs({
  options: {
    cases: { type: "string", default: "1000000" },
    seed: { type: "string", default: String(Math.floor(Math.random() * 2 ** 31)) },
    only: { type: "string" },
  },
});
console.log(`seed ${values.seed}`);
for (const parser of parsers) {
  if (values.only !== undefined && values.only !== parser.name) continue;
  const fault = fuzz(parser, Number(values.cases), Number(values.seed));
  if (fault === undefined) continue;
  console.error(`FAULT in ${parser.name}: ${fault}`);
  process.exitCode = 1;
  break;
}
