/** Runs experiments: one cluster after the other, each told as soon as it is over. */

import { Cluster } from "../cluster.ts";
import { holds, type Bar } from "./bars.ts";
import { isAsDeclared, type Asked, type Experiment, type Outcome, type Scene } from "./experiment.ts";
import { figuresOf, type Cost } from "./figures.ts";
import { barLines, closingTables, openingLines, replayCommand, rowLine } from "./report.ts";

/** What simulating takes is measured outside, on a real clock. */
export interface Meter {
  start(): () => Cost;
}

export interface Outlets {
  readonly meter: Meter;
  readonly tell: (line: string) => void;
  /** A cluster is simulated. */
  readonly onOutcome?: (outcome: Outcome) => void;
}

/** A cluster that took this many times its bound and this much more is not waited for. */
const boundsMax = 5;
const patienceMs = 120_000;

export interface Ran {
  readonly outcomes: readonly Outcome[];
  /** False when a host did not finish, or when a bar does not hold and the experiment was run as declared. */
  readonly isGood: boolean;
}

export function runExperiment(experiment: Experiment, asked: Asked, outlets: Outlets): Ran {
  const { tell } = outlets;
  const scenes = experiment.scenes(asked);
  for (const line of openingLines(experiment, asked, scenes)) tell(line);
  const outcomes: Outcome[] = [];
  for (const scene of scenes) {
    for (const seed of asked.seeds ?? experiment.seeds) {
      const outcome = simulate(scene, seed, outlets.meter);
      outcomes.push(outcome);
      tell(rowLine(outcome));
      outlets.onOutcome?.(outcome);
    }
  }
  const bars = experiment.bars(outcomes);
  for (const line of [...closingTables(experiment, outcomes), ...barLines(bars, isAsDeclared(asked))]) tell(line);
  const failed = failures(outcomes, bars, asked);
  for (const line of failed) tell(line);
  if (failed.length > 0) for (const line of replays(experiment, asked, outcomes)) tell(line);
  tell("");
  return { outcomes, isGood: failed.length === 0 };
}

function simulate(scene: Scene, seed: number, meter: Meter): Outcome {
  const stop = meter.start();
  const plan = { ...scene.plan, ...scene.vary?.(seed), seed };
  const cluster = new Cluster(plan);
  const slowest = plan.hosts.reduce((least, host) => Math.min(least, host.downBytesPerSecond), Infinity);
  const lastMs = plan.hosts.reduce((last, { startMs = 0 }) => Math.max(last, startMs), 0);
  cluster.run(lastMs + (boundsMax * 1000 * plan.lengthBytes) / slowest + patienceMs);
  const figures = figuresOf(cluster, stop());
  return { scene, seed, figures, compared: scene.compare?.(figures) ?? {} };
}

function failures(outcomes: readonly Outcome[], bars: readonly Bar[], asked: Asked): string[] {
  const unfinished = outcomes.flatMap(({ figures, scene, seed }) =>
    figures.unfinished === 0
      ? []
      : [`FAILED: ${scene.label}, seed ${seed}: ${figures.unfinished} honest hosts did not finish`],
  );
  const isBroken = isAsDeclared(asked) && bars.some((bar) => holds(bar) === false);
  return isBroken ? [...unfinished, "FAILED: a bar does not hold"] : unfinished;
}

function replays(experiment: Experiment, asked: Asked, outcomes: readonly Outcome[]): string[] {
  const seeds = [...new Set(outcomes.map(({ seed }) => seed))];
  return seeds.map((seed) => `replay seed ${seed}: ${replayCommand(experiment, asked, seed)}`);
}
