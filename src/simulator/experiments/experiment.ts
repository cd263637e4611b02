/**
 * The nouns of the named experiments. An experiment is a list of scenes, each a whole cluster that is
 * simulated once per seed; what came of one is an outcome; what all outcomes must show are bars.
 */

import type { ClusterPlan } from "../cluster.ts";
import type { Bar } from "./bars.ts";
import type { Figures } from "./figures.ts";
import type { Picture } from "./picture.ts";

/** What may be asked otherwise than an experiment declares it. */
export interface Asked {
  readonly seeds?: readonly number[];
  /** Hosts, instead of each number that is declared. */
  readonly hosts?: number;
  /** The object, instead of each length that is declared. */
  readonly lengthBytes?: number;
}

export interface Scene {
  /** Names the row. */
  readonly label: string;
  readonly plan: Omit<ClusterPlan, "seed">;
  /** What of the plan each seed draws anew. */
  readonly vary?: (seed: number) => Partial<ClusterPlan>;
  /** Figures of this row beside the common ones, computed from them: other systems, ratios, savings. */
  readonly compare?: (figures: Figures) => Readonly<Record<string, number>>;
}

export interface Outcome {
  readonly scene: Scene;
  readonly seed: number;
  readonly figures: Figures;
  readonly compared: Readonly<Record<string, number>>;
}

/** A column of the table for one of the compared figures. */
export interface Column {
  readonly head: string;
  readonly key: string;
  readonly digits: number;
}

export interface Experiment {
  readonly name: string;
  readonly summary: string;
  readonly seeds: readonly number[];
  /** What is assumed beside rates and latency, which the plan tells. */
  readonly assumptions: readonly string[];
  readonly columns: readonly Column[];
  scenes(asked: Asked): readonly Scene[];
  bars(outcomes: readonly Outcome[]): readonly Bar[];
  pictures(outcomes: readonly Outcome[]): readonly Picture[];
}

/** Whether the experiment is run as it is declared, so that its bars count and its pictures are kept. */
export function isAsDeclared(asked: Asked): boolean {
  return asked.hosts === undefined && asked.lengthBytes === undefined;
}
