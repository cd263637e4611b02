/** A simulated cluster as a line of bench/results/simulator.jsonl: what was asked, and what came of it. */

import { quantile, type Experiment, type Outcome } from "#simulator/mod.ts";
import type { MachineFacts } from "../machine.ts";

export function lineOf(
  { name }: Experiment,
  outcome: Outcome,
  machine: MachineFacts,
): Readonly<Record<string, unknown>> {
  const { scene, seed, compared, figures } = outcome;
  const { plan } = scene;
  const { ownSeconds, ownRatios, ...others } = figures;
  return {
    bench: "simulator",
    experiment: name,
    scene: scene.label,
    seed,
    lengthBytes: plan.lengthBytes,
    originBytesPerSecond: plan.originBytesPerSecond,
    seedsBytesPerSecond: plan.seedsBytesPerSecond,
    latencyMs: plan.latencyMs,
    jitterMs: plan.jitterMs,
    ...others,
    fluidRatio: figures.makespanSeconds / figures.fluidBoundSeconds,
    ownSeconds: quantiles(ownSeconds),
    ownRatios: quantiles(ownRatios),
    ...compared,
    machine,
  };
}

function quantiles(ordered: readonly number[]): Readonly<Record<string, number>> {
  return {
    p50: quantile(ordered, 0.5),
    p99: quantile(ordered, 0.99),
    p999: quantile(ordered, 0.999),
    max: quantile(ordered, 1),
  };
}
