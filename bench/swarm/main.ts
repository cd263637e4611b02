/**
 * `npm run bench:swarm -- --help`: one file's way from an origin to N hosts on shaped links, Darner
 * beside curl, aria2 and libtorrent in the same run. Prints medians and ratios, and appends each run
 * with the machine's facts to bench/results/swarm.jsonl.
 */

import { execFileSync } from "node:child_process";
import { appendFileSync, mkdirSync, statfsSync } from "node:fs";
import { tmpdir } from "node:os";
import { machineFacts } from "../machine.ts";
import { contenders, type Contender } from "./contenders.ts";
import { boundSeconds } from "./figures.ts";
import { groundNeeds, installPackages, missingPackages } from "./needs.ts";
import { help, parseOptions, type Options } from "./options.ts";
import { reportOf, type Measured } from "./report.ts";
import { runOnce } from "./run.ts";

const root = new URL("../..", import.meta.url).pathname.replace(/\/$/, "");
const tmpfsMagic = 0x01021994;

/** What the user can set right; the message says how. */
class Refusal extends Error {}

function contendersOf({ only }: Options): readonly Contender[] {
  const names = contenders.map(({ name }) => name);
  const unknown = only?.find((name) => !names.includes(name));
  if (unknown !== undefined) throw new Refusal(`--only knows ${names.join(", ")}, but got "${unknown}"`);
  return contenders.filter(({ name }) => only?.includes(name) ?? true);
}

/** Everything that is missing is told at once, and who wants it. */
function provide(wanted: readonly Contender[], install: boolean): void {
  const all = [...groundNeeds, ...wanted.flatMap(({ needs }) => needs)];
  const missing = missingPackages(all);
  if (missing.length === 0) return;
  if (install) {
    process.stderr.write(`installing ${missing.join(", ")}\n`);
    installPackages(missing);
    const still = missingPackages(all);
    if (still.length > 0) throw new Refusal(`installed, but still not usable: ${still.join(", ")}`);
    return;
  }
  const ground = groundNeeds.map((need) => need.package);
  const lines = missing.map((name) => {
    const users = wanted.filter(({ needs }) => needs.some((need) => need.package === name)).map((one) => one.name);
    return `  ${name} (for ${ground.includes(name) ? "every contender" : users.join(", ")})`;
  });
  throw new Refusal(
    `these Debian packages are missing:\n${lines.join("\n")}\nAdd --install to fetch them with apt-get, or name with --only what can run without.`,
  );
}

/** What `npm ci` leaves behind: one file, and a compile cache that has seen it. */
function bundleDarner(): void {
  execFileSync(process.execPath, ["tools/bundle.ts"], { cwd: root, stdio: ["ignore", "ignore", "inherit"] });
  execFileSync(`${root}/bin/dfget`, ["--help"], { stdio: "ignore" });
}

async function race(wanted: readonly Contender[], options: Options): Promise<void> {
  const { layout, torrentPieceBytes } = options;
  const facts = machineFacts();
  const series = wanted.map(({ name }) => ({ contender: name, runs: [] as Measured[] }));
  const { keep, profile } = options;
  const run = { root, layout, torrentPieceBytes, keep, profile };
  const where = { memoryBacked: statfsSync(tmpdir()).type === tmpfsMagic };
  const startedAt = new Date().toISOString();
  mkdirSync(`${root}/bench/results`, { recursive: true });
  for (let round = 0; round < options.runs; round++) {
    for (const [index, contender] of wanted.entries()) {
      const result = await runOnce(contender, run);
      series[index]!.runs.push(result);
      const line = { bench: "swarm", startedAt, round, ...layout, torrentPieceBytes, ...where };
      const measured = { boundSeconds: boundSeconds(layout), contender: contender.name, ...result, machine: facts };
      appendFileSync(`${root}/bench/results/swarm.jsonl`, `${JSON.stringify({ ...line, ...measured })}\n`);
      process.stderr.write(`${progress(contender.name, result)}\n`);
    }
  }
  process.stdout.write(reportOf(layout, series, facts));
  if (series.some(({ runs }) => runs.some(({ intact }) => intact < layout.hosts))) process.exitCode = 1;
}

function progress(name: string, { finished, makespanSeconds, ratio, originCopies }: Measured): string {
  if (makespanSeconds === null || ratio === null) return `${name}: not whole, ${finished} hosts finished`;
  return `${name}: ${makespanSeconds.toFixed(1)} s, ${ratio.toFixed(2)} x bound, origin ${originCopies.toFixed(2)} copies`;
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
  if (options.help) {
    process.stdout.write(help);
    return;
  }
  const wanted = contendersOf(options);
  if (process.getuid?.() !== 0) throw new Refusal("this makes network namespaces, so it wants root");
  provide(wanted, options.install);
  if (wanted.some(({ name }) => name.startsWith("darner"))) bundleDarner();
  await race(wanted, options);
}

try {
  await main();
} catch (error) {
  process.stderr.write(`bench:swarm: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exit(error instanceof Refusal ? 2 : 1);
}
