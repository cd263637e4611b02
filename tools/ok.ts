/**
 * `npm run ok`: one command that says whether the work is good. Each check runs by itself, is shown
 * with its time, and keeps quiet unless it fails; the last line tells how many failed. `npm run ok
 * lint types` runs only the checks named.
 */

import { spawn } from "node:child_process";
import { globSync } from "node:fs";
import { delimiter, dirname, join } from "node:path";

interface Check {
  readonly name: string;
  readonly command: readonly string[];
  /** Nothing to check as long as no file matches this. */
  readonly needs?: string;
}

interface Outcome {
  readonly passed: boolean;
  readonly output: string;
}

const root = dirname(import.meta.dirname);
const checkMsMax = 180_000;

/** One that hangs is ended and named long before the whole check is. */
const tests = ["--test", "--test-timeout=60000", "--test-reporter=dot"];

const checks: readonly Check[] = [
  { name: "format", command: ["oxfmt", "--check"] },
  { name: "lint", command: ["oxlint"] },
  { name: "types", command: ["tsc"] },
  { name: "tidy", command: ["node", ...tests, "tools/*.test.ts"], needs: "tools/*.test.ts" },
  { name: "unit", command: ["node", ...tests, "src/**/*.test.ts"], needs: "src/**/*.test.ts" },
  {
    name: "scenarios",
    command: ["node", ...tests, "test/scenarios/**/*.test.ts"],
    needs: "test/scenarios/**/*.test.ts",
  },
  { name: "fuzz", command: ["node", ...tests, "test/fuzz/*.test.ts"], needs: "test/fuzz/*.test.ts" },
  { name: "dead code", command: ["knip", "--no-progress"], needs: "src/main.ts" },
];

function run(check: Check): Promise<Outcome> {
  const [program, ...parameters] = check.command;
  const bin = join(root, "node_modules", ".bin");
  const env = { ...process.env, PATH: `${bin}${delimiter}${process.env["PATH"] ?? ""}` };
  return new Promise((resolve) => {
    const child = spawn(join(bin, program!), parameters, {
      cwd: root,
      env,
      stdio: ["ignore", "pipe", "pipe"],
      timeout: checkMsMax,
    });
    let output = "";
    child.stdout.on("data", (chunk: Buffer) => (output += chunk.toString()));
    child.stderr.on("data", (chunk: Buffer) => (output += chunk.toString()));
    child.on("error", (error) =>
      resolve({ passed: false, output: `cannot start ${program}: ${error.message}; run npm ci` }),
    );
    child.on("close", (status, signal) => {
      if (signal !== null) output += `\nended by ${signal} after at most ${checkMsMax / 1000} s`;
      resolve({ passed: status === 0, output });
    });
  });
}

function seconds(sinceMs: number): string {
  return `${((performance.now() - sinceMs) / 1000).toFixed(1)} s`.padStart(7);
}

const named = process.argv.slice(2);
const unknown = named.filter((name) => !checks.some((check) => check.name === name));
if (unknown.length > 0) {
  console.error(`cannot check "${unknown[0]}": the checks are ${checks.map((check) => check.name).join(", ")}`);
  process.exit(2);
}

const startMs = performance.now();
const failed: string[] = [];
for (const check of checks) {
  if (named.length > 0 && !named.includes(check.name)) continue;
  const name = check.name.padEnd(10);
  if (check.needs !== undefined && globSync(check.needs, { cwd: root }).length === 0) {
    console.log(`  -   ${name}         nothing matches ${check.needs} yet`);
    continue;
  }
  const checkStartMs = performance.now();
  const outcome = await run(check);
  console.log(`${outcome.passed ? "  ok  " : " FAIL "}${name} ${seconds(checkStartMs)}`);
  if (outcome.passed) continue;
  failed.push(check.name);
  console.log(outcome.output.trimEnd().replaceAll(/^/gm, "      "));
}
console.log(failed.length === 0 ? `good in ${seconds(startMs).trim()}` : `not good: ${failed.join(", ")}`);
process.exitCode = failed.length === 0 ? 0 : 1;
