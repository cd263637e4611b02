/** What an experiment prints: what is assumed, a line for each cluster, what it cost, and the bars. */

import { holds, type Bar } from "./bars.ts";
import type { Asked, Experiment, Outcome, Scene } from "./experiment.ts";
import { fluidRatio, quantile, type Figures } from "./figures.ts";
import { linesText } from "./plan.ts";

export const caveat = [
  "A simulation: the product's own matching, choosing and upload code on every host and manager, in virtual time.",
  "Not modelled: TCP's loss and slow start, the core of the network (never full), disks, bytes of headers.",
] as const;

interface TableColumn {
  readonly head: string;
  readonly text: (figures: Figures) => string;
}

const number = (value: number | undefined, digits: number): string =>
  value === undefined || !Number.isFinite(value) ? "-" : value.toFixed(digits);
const own = (share: number) => (figures: Figures) => number(quantile(figures.ownSeconds, share), 2);

const timeColumns: readonly TableColumn[] = [
  { head: "pieces", text: ({ pieces }) => String(pieces) },
  { head: "KiB", text: ({ pieceBytes }) => String(pieceBytes / 1024) },
  { head: "time s", text: ({ makespanSeconds }) => number(makespanSeconds, 2) },
  { head: "fluid s", text: (figures) => number(figures.fluidBoundSeconds, 2) },
  { head: "x fluid", text: (figures) => number(fluidRatio(figures), 3) },
  { head: "discr. s", text: (figures) => number(figures.discreteBoundSeconds, 2) },
  {
    head: "x discr.",
    text: ({ makespanSeconds, discreteBoundSeconds: bound }) =>
      number(bound === undefined ? undefined : makespanSeconds / bound, 3),
  },
  { head: "p50 s", text: own(0.5) },
  { head: "p99 s", text: own(0.99) },
  { head: "p99.9 s", text: own(0.999) },
  { head: "max s", text: own(1) },
];

const costColumns: readonly TableColumn[] = [
  { head: "unfinished", text: ({ unfinished }) => String(unfinished) },
  { head: "origin copies", text: ({ originCopies }) => number(originCopies, 3) },
  { head: "seeds' copies", text: ({ seedsCopies }) => number(seedsCopies, 2) },
  { head: "twice %", text: ({ twicePercent }) => number(twicePercent, 3) },
  { head: "parents told", text: ({ parentsToldMean }) => number(parentsToldMean, 2) },
  { head: "virtual s", text: ({ virtualSeconds }) => number(virtualSeconds, 2) },
  { head: "wall s", text: ({ wallSeconds }) => number(wallSeconds, 1) },
  { head: "CPU s", text: ({ cpuSeconds }) => number(cpuSeconds, 1) },
  { head: "events", text: ({ events }) => `${number(events / 1e6, 2)} M` },
  { head: "memory", text: ({ memoryBytes }) => `${number(memoryBytes / 1e6, 0)} MB` },
];

const labelWidth = 18;
const cell = (text: string, head: string): string => text.padStart(Math.max(8, head.length + 1));
const lineOf = (label: string, cells: readonly string[]): string => `${label.padEnd(labelWidth)}${cells.join("")}`;
const headOf = (heads: readonly string[]): string =>
  lineOf(
    "",
    heads.map((head) => cell(head, head)),
  );
const labelOf = ({ scene, seed }: Outcome): string => `${scene.label} #${seed}`;

/** What the figures rest on, before any of them. */
export function openingLines(experiment: Experiment, asked: Asked, scenes: readonly Scene[]): string[] {
  const size = sizeFlags(asked);
  const lines = [...new Set(scenes.map(linesText)), ...experiment.assumptions];
  return [
    `${experiment.name}: ${experiment.summary}${size === "" ? "" : ` (here:${size})`}`,
    ...caveat,
    ...lines.map((line) => `Assumed: ${line}.`),
    "",
    headOf(timeColumns.map(({ head }) => head)),
  ];
}

/** Told as soon as a cluster is simulated. */
export function rowLine(outcome: Outcome): string {
  return lineOf(
    labelOf(outcome),
    timeColumns.map(({ head, text }) => cell(text(outcome.figures), head)),
  );
}

/** Copies, bytes received twice, and what the simulation took of this machine; then what is compared. */
export function closingTables(experiment: Experiment, outcomes: readonly Outcome[]): string[] {
  const costs = outcomes.map((outcome) =>
    lineOf(
      labelOf(outcome),
      costColumns.map(({ head, text }) => cell(text(outcome.figures), head)),
    ),
  );
  const { columns } = experiment;
  const compared = outcomes.map((outcome) =>
    lineOf(
      labelOf(outcome),
      columns.map(({ head, key, digits }) => cell(number(outcome.compared[key], digits), head)),
    ),
  );
  return [
    "",
    headOf(costColumns.map(({ head }) => head)),
    ...costs,
    ...(columns.length === 0 ? [] : ["", headOf(columns.map(({ head }) => head)), ...compared]),
  ];
}

export function barLines(bars: readonly Bar[], count: boolean): string[] {
  const shown = count ? bars : bars.filter((bar) => holds(bar) !== undefined);
  if (shown.length === 0) return [];
  const lines = shown.map((bar) => {
    const held = holds(bar);
    const verdict = held === undefined ? "not run" : held ? "holds" : "BROKEN";
    const figure = held === undefined ? "" : `${number(bar.figure, bar.digits)}, `;
    return `  ${verdict.padEnd(8)}${bar.text}: ${figure}${bar.sense} ${bar.limit}`;
  });
  const head = count ? "Must show:" : "Must show, at the declared size; this run has another, so nothing counts:";
  return ["", head, ...lines];
}

export function replayCommand(experiment: Experiment, asked: Asked, seed: number): string {
  return `darner sim ${experiment.name} --seed ${seed}${sizeFlags(asked)}`;
}

function sizeFlags({ hosts, lengthBytes }: Asked): string {
  const flags = hosts === undefined ? "" : ` --hosts ${hosts}`;
  return lengthBytes === undefined ? flags : `${flags} --mb ${lengthBytes / 1e6}`;
}
