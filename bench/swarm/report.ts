/** The tables that the benchmark prints: medians of each contender, and Darner over each of the others. */

import type { MachineFacts } from "../machine.ts";
import { boundSeconds, lineSeconds, medianOf, medianRatio, type Figures, type Layout } from "./figures.ts";

export type Measured = Figures & { readonly busyCoresBefore: number };

/** One contender's runs, in the order of the rounds. */
export interface Series {
  readonly contender: string;
  readonly runs: readonly Measured[];
}

const shown = (value: number | null, digits: number): string => (value === null ? "-" : value.toFixed(digits));
const row = (cells: readonly string[]): string => `| ${cells.join(" | ")} |`;
const rule = (columns: number): string => `|${"---|".repeat(columns)}`;

export function reportOf(layout: Layout, series: readonly Series[], facts: MachineFacts): string {
  return [...medians(layout, series), "", ...ratios(layout, series), ...remarks(layout, series, facts), ""].join("\n");
}

function medians(layout: Layout, series: readonly Series[]): string[] {
  const slow = layout.slowHosts > 0;
  const heads = [
    "contender",
    "intact",
    "makespan s",
    `x bound (${boundSeconds(layout).toFixed(1)} s)`,
    `own_max s (x F/d${slow ? "" : ` ${lineSeconds(layout, layout.hostMbit).toFixed(1)}`})`,
    ...(slow ? [`fast_max s (x F/d ${lineSeconds(layout, layout.hostMbit).toFixed(1)})`] : []),
    "origin copies",
    "manager copies",
    ...(layout.sites > 1 ? ["site copies"] : []),
    "CPU s/GB",
    "own CPU s/GB",
  ];
  const lines = series.map(({ contender, runs }) => {
    const cell = (key: keyof Figures, digits: number): string => shown(medianOf(runs.map((run) => run[key])), digits);
    return row([
      contender,
      `${Math.min(...runs.map(({ intact }) => intact))}/${layout.hosts}`,
      cell("makespanSeconds", 1),
      cell("ratio", 3),
      `${cell("ownSecondsMax", 1)} (${cell("ownRatioMax", 3)})`,
      ...(slow ? [`${cell("fastSecondsMax", 1)} (${cell("fastRatioMax", 3)})`] : []),
      cell("originCopies", 3),
      cell("managerCopies", 2),
      ...(layout.sites > 1 ? [cell("siteCopiesMax", 3)] : []),
      cell("cpuSecondsPerGb", 1),
      cell("processCpuSecondsPerGb", 1),
    ]);
  });
  return [row(heads), rule(heads.length), ...lines];
}

const compared: readonly { readonly head: string; readonly key: keyof Figures; readonly withSlow?: true }[] = [
  { head: "makespan", key: "makespanSeconds" },
  { head: "own_max", key: "ownSecondsMax" },
  { head: "fast_max", key: "fastSecondsMax", withSlow: true },
  { head: "origin copies", key: "originCopies" },
  { head: "CPU s/GB", key: "cpuSecondsPerGb" },
  { head: "own CPU s/GB", key: "processCpuSecondsPerGb" },
];

function ratios(layout: Layout, series: readonly Series[]): string[] {
  const darner = series.find(({ contender }) => contender === "darner");
  const others = series.filter((one) => one !== darner);
  if (darner === undefined || others.length === 0) return [];
  // What trust costs is told the other way round than what rivals do.
  const pairs = others.map((other): readonly [Series, Series] =>
    other.contender.startsWith("darner") ? [other, darner] : [darner, other],
  );
  const columns = compared.filter(({ withSlow }) => withSlow !== true || layout.slowHosts > 0);
  const lines = pairs.map(([one, other]) =>
    row([
      `${one.contender} / ${other.contender}`,
      ...columns.map(({ key }) =>
        shown(
          medianRatio(
            one.runs.map((run) => run[key]),
            other.runs.map((run) => run[key]),
          ),
          3,
        ),
      ),
    ]),
  );
  const heads = ["same run", ...columns.map(({ head }) => head)];
  return [row(heads), rule(heads.length), ...lines, ""];
}

function remarks(layout: Layout, series: readonly Series[], facts: MachineFacts): string[] {
  const runs = series.flatMap(({ runs }) => runs);
  const busy = Math.max(...runs.map(({ busyCoresBefore }) => busyCoresBefore));
  const lost = runs.filter(({ intact }) => intact < layout.hosts).length;
  const megabytes = layout.fileBytes / 1e6;
  const links = `origin ${layout.originMbit}, manager ${layout.managerMbit}, hosts ${layout.hostMbit} Mbit/s`;
  const slow = layout.slowHosts > 0 ? `, the first ${layout.slowHosts} at ${layout.slowMbit}` : "";
  const sites = layout.sites > 1 ? `; ${layout.sites} sites with lines of ${layout.siteMbit}, the origin outside` : "";
  const start = layout.staggerMs > 0 ? `starts ${layout.staggerMs / 1000} s apart` : "all start together";
  const rounds = series[0]?.runs.length ?? 0;
  return [
    `${layout.hosts} hosts, ${megabytes} MB, ${links}${slow}${sites}; ${start}. Medians of ${rounds} run${rounds === 1 ? "" : "s"}.`,
    `${facts.cores} cores ${facts.cpu}, SHA extensions ${facts.shaExtensions ? "yes" : "no"}, commit ${facts.commit}; busy before a start: at most ${busy.toFixed(2)} cores${busy > 0.3 ? ": NOT QUIET, times and CPU are too high" : ""}.`,
    ...(lost > 0
      ? [`${lost} of ${runs.length} runs left a host without the whole file; no times are taken from them.`]
      : []),
  ];
}
