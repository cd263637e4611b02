/** `darner sim`: whole clusters in virtual time, by name; prints tables, writes nothing. */

import { DarnerError } from "#base/mod.ts";
import { nodeClock } from "#platform/machine/clock.node.ts";
import { nearestWord } from "#settings/mod.ts";
import {
  experiments,
  runExperiment,
  type Asked,
  type Experiment,
  type Meter,
  type Outcome,
  type Played,
  playInvariants,
} from "#simulator/mod.ts";
import { newCommand, parseCommandLine } from "./line/command-line.ts";

const invariants = "invariants";
/** What the invariants must hold for, unless others are asked for. */
const seedsDeclared = Array.from({ length: 1000 }, (_, at) => at + 1);

type Command = ReturnType<typeof newCommand>;

const hostsMax = 100_000;
const megabytesMax = 1_000_000;
const seedMax = 2 ** 32 - 1;
const seedsMax = 100_000;

interface SimFlags {
  readonly seed?: number;
  readonly seeds?: readonly number[];
  readonly hosts?: number;
  readonly mb?: number;
  readonly trace?: true;
}

/** What a longer form of the command adds to it: flags, and what happens to outcomes beside the terminal. */
export interface SimForm {
  readonly name: string;
  addFlags?(command: Command): void;
  onOutcome?(command: Command, experiment: Experiment, outcome: Outcome): void;
  onPlayed?(command: Command, played: Played): void;
  onOutcomes?(command: Command, asked: Asked, experiment: Experiment, outcomes: readonly Outcome[]): Promise<void>;
}

export async function run(argv: readonly string[]): Promise<number> {
  return await runForm({ name: "darner sim" }, argv);
}

export async function runForm(form: SimForm, argv: readonly string[]): Promise<number> {
  const program = simCommand(form);
  let isGood = true;
  program.action(async (name: string, flags: SimFlags) => {
    const asked = askedOf(flags);
    if (name === invariants) {
      isGood = invariantsHold(form, program, asked, flags);
      return;
    }
    if (flags.trace === true) throw usage(`--trace is for ${invariants}, not for ${name}`);
    for (const experiment of named(name, form)) {
      const onOutcome = (outcome: Outcome): void => form.onOutcome?.(program, experiment, outcome);
      const ran = runExperiment(experiment, asked, { meter, tell, onOutcome });
      isGood &&= ran.isGood;
      await form.onOutcomes?.(program, asked, experiment, ran.outcomes);
    }
  });
  await parseCommandLine(program, argv);
  return isGood ? 0 : 1;
}

export function simCommand(form: SimForm): Command {
  const program = newCommand(
    form.name,
    "Simulates whole clusters: the product's own matching, choosing and upload code on every host, in virtual time, " +
      "so that what thousands of hosts would do is known in minutes. Prints what is assumed, a line for each cluster " +
      "beside what no scheme can beat, and whether it shows what it must; ends with 1 if not. The same seed gives the " +
      "same figures on every machine.",
  );
  program.argument("<NAME>", "one of the experiments below, or all of them: all");
  program.option("--seed <N>", "the seed, instead of the experiment's own", (text) =>
    wholeNumber("--seed", text, 0, seedMax),
  );
  program.option("--seeds <FROM-TO>", "each of these seeds", seedsOf);
  program.option("--hosts <N>", "this many hosts, instead of each number declared", (text) =>
    wholeNumber("--hosts", text, 1, hostsMax),
  );
  program.option("--mb <SIZE>", "an object of this many million bytes, instead of each length declared", (text) =>
    wholeNumber("--mb", text, 1, megabytesMax),
  );
  program.option("--trace", `tell every step of ${invariants}, for one seed`);
  form.addFlags?.(program);
  const faults = "60 hosts, every fault, every checker on: 1000 seeds, none broken (not part of all)";
  const listed = [...experiments, { name: invariants, summary: faults }];
  const width = Math.max(...listed.map(({ name }) => name.length));
  const help = program.createHelp();
  program.addHelpText(
    "after",
    [
      "",
      "Experiments:",
      ...listed.map(({ name, summary }) => help.formatItem(name, width, summary, help)),
      "",
      "With --hosts or --mb an experiment is not as declared: what it must show is",
      "printed and does not count.",
    ].join("\n"),
  );
  return program;
}

function invariantsHold(
  form: SimForm,
  program: Command,
  { seeds, hosts, lengthBytes }: Asked,
  flags: SimFlags,
): boolean {
  if (lengthBytes !== undefined) throw usage(`--mb is not for ${invariants}, whose objects are drawn from the seed`);
  const options = { trace: flags.trace === true, ...(hosts === undefined ? {} : { hosts }) };
  const played = playInvariants(seeds ?? seedsDeclared, options, tell);
  form.onPlayed?.(program, played);
  return played.broken.length === 0;
}

function named(name: string, { name: command }: SimForm): readonly Experiment[] {
  if (name === "all") return experiments;
  const experiment = experiments.find((one) => one.name === name);
  if (experiment !== undefined) return [experiment];
  const near = nearestWord(name, ["all", invariants, ...experiments.map((one) => one.name)]);
  const hint = near === undefined ? "" : `did you mean ${near}? `;
  throw new DarnerError(
    "usage",
    `cannot simulate "${name}": there is no such experiment; ${hint}see ${command} --help`,
  );
}

function askedOf({ seed, seeds, hosts, mb }: SimFlags): Asked {
  const asked = seeds ?? (seed === undefined ? undefined : [seed]);
  return {
    ...(asked === undefined ? {} : { seeds: asked }),
    ...(hosts === undefined ? {} : { hosts }),
    ...(mb === undefined ? {} : { lengthBytes: mb * 1e6 }),
  };
}

function seedsOf(text: string): number[] {
  const match = /^(\d+)-(\d+)$/.exec(text);
  const [from, to] = match === null ? [1, 0] : [Number(match[1]), Number(match[2])];
  if (from <= to && to <= seedMax && to - from < seedsMax)
    return Array.from({ length: to - from + 1 }, (_, at) => from + at);
  throw usage(`--seeds wants FROM-TO, at most ${seedsMax} of them, such as 1-20, but got "${text}"`);
}

function wholeNumber(flag: string, text: string, least: number, most: number): number {
  const value = Number(text);
  if (/^\d+$/.test(text) && value >= least && value <= most) return value;
  throw usage(`${flag} wants a whole number from ${least} to ${most}, but got "${text}"`);
}

function usage(what: string): DarnerError {
  return new DarnerError("usage", `cannot understand the command line: ${what}`);
}

const tell = (line: string): void => void process.stdout.write(`${line}\n`);

const meter: Meter = {
  start() {
    const startMs = nodeClock.nowMs();
    const cpuBefore = process.cpuUsage();
    const peakBefore = process.resourceUsage().maxRSS;
    return () => {
      const { user, system } = process.cpuUsage(cpuBefore);
      const peak = process.resourceUsage().maxRSS;
      return {
        wallSeconds: (nodeClock.nowMs() - startMs) / 1000,
        cpuSeconds: (user + system) / 1e6,
        // The process's peak may be of a larger cluster before; this one's is near what is held at its end.
        memoryBytes: peak > peakBefore ? peak * 1024 : process.memoryUsage.rss(),
      };
    };
  },
};
