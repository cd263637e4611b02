/**
 * `npm run sim -- NAME`: `darner sim` with pictures. What is run as it is declared is drawn into
 * docs/pictures; `--write` appends a line for each cluster, as soon as it is simulated, to
 * bench/results/simulator.jsonl with the machine's facts.
 */

import { appendFileSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { runProgram } from "#commands/run/program.ts";
import { runForm, type SimForm } from "#commands/sim.ts";
import { isAsDeclared } from "#simulator/mod.ts";
import { machineFacts } from "../machine.ts";
import { lineOf } from "./line.ts";

const root = join(import.meta.dirname, "..", "..");
const results = join(root, "bench", "results", "simulator.jsonl");
const pictures = join(root, "docs", "pictures");

interface Flags {
  readonly write?: boolean;
  readonly pictures?: string;
}

const form: SimForm = {
  name: "npm run sim --",
  addFlags(command) {
    command.option("--write", "append each cluster's figures to bench/results/simulator.jsonl");
    command.option(
      "--pictures <DIR>",
      "draw into this folder, whatever is run (else docs/pictures, when run as declared)",
    );
  },
  onOutcome(command, experiment, outcome) {
    if (command.opts<Flags>().write !== true) return;
    appendFileSync(results, `${JSON.stringify(lineOf(experiment, outcome, machineFacts()))}\n`);
  },
  onPlayed(command, { seeds, broken }) {
    if (command.opts<Flags>().write !== true) return;
    const line = { bench: "simulator", experiment: "invariants", seeds, broken, machine: machineFacts() };
    appendFileSync(results, `${JSON.stringify(line)}\n`);
  },
  async onOutcomes(command, asked, experiment, outcomes) {
    const folder = command.opts<Flags>().pictures ?? (isAsDeclared(asked) ? pictures : undefined);
    if (folder === undefined) return;
    // Loaded late, since its memory is no part of what simulating takes.
    const { drawSvg } = await import("./draw.ts");
    mkdirSync(folder, { recursive: true });
    for (const picture of experiment.pictures(outcomes)) {
      const path = join(folder, `${picture.name}.svg`);
      writeFileSync(path, drawSvg(picture));
      process.stdout.write(`drawn: ${path}\n`);
    }
    process.stdout.write("\n");
  },
};

await runProgram("sim", () => runForm(form, process.argv.slice(2)));
