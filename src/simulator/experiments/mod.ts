/** The named experiments: whole clusters whose figures anybody can have again. */

import { articleClients } from "./article-clients.ts";
import { articleEgress } from "./article-egress.ts";
import { articleImages } from "./article-images.ts";
import { doubleEleven } from "./double-eleven.ts";
import { eightSites } from "./eight-sites.ts";
import type { Experiment } from "./experiment.ts";
import { fastLan } from "./fast-lan.ts";
import { growth } from "./growth.ts";
import { hundredThousand } from "./hundred-thousand.ts";
import { kraken } from "./kraken.ts";
import { longLine } from "./long-line.ts";
import { roughDay } from "./rough-day.ts";
import { simulatorCost } from "./simulator-cost.ts";

export type { Asked, Experiment, Outcome } from "./experiment.ts";
export { isAsDeclared } from "./experiment.ts";
export type { Cost } from "./figures.ts";
export { quantile } from "./figures.ts";
export type { Axis, Picture, Series } from "./picture.ts";
export { playInvariants, type Played } from "./play-invariants.ts";
export { runExperiment, type Meter, type Outlets, type Ran } from "./run.ts";

export const experiments: readonly Experiment[] = [
  growth,
  articleClients,
  articleImages,
  articleEgress,
  doubleEleven,
  kraken,
  fastLan,
  roughDay,
  eightSites,
  longLine,
  hundredThousand,
  simulatorCost,
];
