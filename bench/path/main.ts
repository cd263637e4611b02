/**
 * `npm run bench:path -- --help`: what the data path costs beside curl, aria2, nginx and openssl. Prints
 * medians and bars, and appends each row with the machine's facts to bench/results/path.jsonl.
 */

import { appendFileSync, readFileSync } from "node:fs";
import { machineFacts } from "../machine.ts";
import { installPackages, missingPackages, needs } from "../swarm/needs.ts";
import { bundleDarner, Ground, root } from "./ground.ts";
import { helpOf, parseOptions, type Options } from "./options.ts";
import type { Bar, Row, RowResult } from "./row.ts";
import { alone } from "./rows/alone.ts";
import { coldPull, slowReceive } from "./rows/links.ts";
import { midSwarm, receive } from "./rows/receive.ts";
import { relay } from "./rows/relay.ts";
import { sealed } from "./rows/sealed.ts";
import { send } from "./rows/send.ts";
import { slowDisk } from "./rows/slow-disk.ts";
import { idle, many, small } from "./rows/small.ts";

const rows: readonly Row[] = [
  receive,
  slowReceive,
  send,
  sealed,
  midSwarm,
  alone,
  small,
  many,
  coldPull,
  relay,
  slowDisk,
  idle,
];

/** What the user can set right; the message says how. */
class Refusal extends Error {}

function rowsOf({ only }: Options): readonly Row[] {
  const names = rows.map(({ name }) => name);
  const unknown = only?.find((name) => !names.includes(name));
  if (unknown !== undefined) throw new Refusal(`--only knows ${names.join(", ")}, but got "${unknown}"`);
  return rows.filter(({ name }) => only?.includes(name) ?? true);
}

function provide(wanted: readonly Row[], install: boolean): void {
  const all = [needs.ps, ...wanted.flatMap((row) => row.needs)];
  const missing = missingPackages(all);
  if (missing.length > 0 && install) installPackages(missing);
  const still = missing.length === 0 ? [] : missingPackages(all);
  if (still.length > 0)
    throw new Refusal(`these Debian packages are missing: ${still.join(", ")}; add --install to fetch them`);
}

const isMet = ({ value, most = Infinity, least = -Infinity }: Bar): boolean => value <= most && value >= least;
const shown = (value: number): string => (Math.abs(value) >= 100 ? value.toFixed(0) : value.toPrecision(3));

function say({ name }: Row, { figures, bars }: RowResult): void {
  process.stdout.write(`\n${name}\n`);
  for (const [figure, value] of Object.entries(figures))
    process.stdout.write(`  ${figure.padEnd(36)} ${shown(value)}\n`);
  for (const bar of bars) {
    const wanted = bar.most === undefined ? `>= ${bar.least}` : `<= ${bar.most}`;
    process.stdout.write(`  ${isMet(bar) ? "ok    " : "MISSED"} ${bar.what}: ${shown(bar.value)} (${wanted})\n`);
  }
}

async function measure(wanted: readonly Row[], options: Options): Promise<void> {
  const machine = machineFacts();
  for (const row of wanted) {
    const ground = new Ground();
    const stop = (): never => {
      ground.close();
      process.exit(130);
    };
    process.once("SIGINT", stop).once("SIGTERM", stop);
    try {
      bundleDarner(ground.environment);
      const load = Number(readFileSync("/proc/loadavg", "utf8").split(" ", 1)[0]);
      const result = await row.run(ground, options);
      say(row, result);
      if (!result.bars.every(isMet)) process.exitCode = 1;
      const { sizeBytes, relayBytes } = options;
      const line = { bench: "path", row: row.name, sizeBytes, relayBytes, loadBefore: load, ...result, machine };
      appendFileSync(`${root}/bench/results/path.jsonl`, `${JSON.stringify(line)}\n`);
    } finally {
      process.off("SIGINT", stop).off("SIGTERM", stop);
      ground.close();
    }
  }
}

function optionsOf(args: readonly string[]): Options {
  try {
    return parseOptions(args);
  } catch (error) {
    throw new Refusal(`${(error as Error).message}; see --help`, { cause: error });
  }
}

async function main(): Promise<void> {
  const options = optionsOf(process.argv.slice(2));
  if (options.help) return void process.stdout.write(helpOf(rows));
  const wanted = rowsOf(options);
  if (wanted.some((row) => row.root) && process.getuid?.() !== 0)
    throw new Refusal("this makes network namespaces, so it wants root");
  provide(wanted, options.install);
  await measure(wanted, options);
}

try {
  await main();
} catch (error) {
  process.stderr.write(`bench:path: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exit(error instanceof Refusal ? 2 : 1);
}
