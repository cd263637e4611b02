/** Does the time stay what the line takes, however many hosts want the object? */

import { atMost } from "./bars.ts";
import type { Experiment, Outcome, Scene } from "./experiment.ts";
import { fluidRatio, quantile, type Figures } from "./figures.ts";
import { simulated, worstByHosts } from "./picture.ts";
import { articleManagers, countText, equalHosts, latency, lengthText, mbit, megabyte } from "./plan.ts";

const hostsDeclared = [1, 10, 100, 1000, 7000, 10_000];
const lengthDeclared = 200 * megabyte;

const withHosts = (outcomes: readonly Outcome[], hosts: number): Outcome[] =>
  outcomes.filter(({ figures }) => figures.hosts === hosts);

export const growth: Experiment = {
  name: "growth",
  summary: "200 MB to 1, 10, 100, 1000, 7000 and 10,000 equal hosts at 100 Mbit/s",
  seeds: [1],
  assumptions: ["all hosts ask at once"],
  columns: [],

  scenes: ({ hosts, lengthBytes = lengthDeclared }) =>
    (hosts === undefined ? hostsDeclared : [hosts]).map((count): Scene => ({
      label: countText(count, "host"),
      plan: { ...latency, ...articleManagers, lengthBytes, hosts: equalHosts(count, 100 * mbit) },
    })),

  bars(outcomes) {
    const figures = outcomes.map((outcome) => outcome.figures);
    const alone = Math.max(...withHosts(outcomes, 1).map((outcome) => outcome.figures.makespanSeconds));
    return [
      ...hostsDeclared.map((hosts) =>
        atMost(
          `${countText(hosts, "host")}: time / fluid bound`,
          1.05,
          withHosts(outcomes, hosts).map((one) => fluidRatio(one.figures)),
        ),
      ),
      atMost(
        "time at 7000 hosts / time at 1",
        1.05,
        alone > 0 ? withHosts(outcomes, 7000).map((outcome) => outcome.figures.makespanSeconds / alone) : [],
      ),
      atMost(
        "p99.9 / p50 of own times",
        1.1,
        figures.map(({ ownSeconds }) => quantile(ownSeconds, 0.999) / quantile(ownSeconds, 0.5)),
      ),
      atMost(
        "received twice, %",
        0.5,
        figures.map(({ twicePercent }) => twicePercent),
      ),
      atMost(
        "copies from the origin",
        1,
        figures.map(({ originCopies }) => originCopies),
      ),
    ];
  },

  pictures(outcomes) {
    const title = `${lengthText(outcomes[0]!.scene.plan.lengthBytes)} to all hosts at 100 Mbit/s`;
    const points = (value: (figures: Figures) => number) => worstByHosts(outcomes, ({ figures }) => value(figures));
    const x = { title: "hosts", scale: "logarithmic" } as const;
    const share = (value: (figures: Figures) => number) =>
      points((figures) => value(figures) / figures.fluidBoundSeconds);
    return [
      {
        name: "sim-growth",
        title: `${title}: time until the last has it`,
        x,
        y: { title: "seconds", scale: "linear", least: 0 },
        series: [
          { name: "Darner, last host", role: "result", points: points(({ makespanSeconds }) => makespanSeconds) },
          { name: "fluid bound", role: "bound", points: points(({ fluidBoundSeconds }) => fluidBoundSeconds) },
        ],
        notes: [simulated],
      },
      {
        name: "sim-growth-ratio",
        title: `${title}: how far from what no scheme can beat`,
        x,
        y: { title: "times the fluid bound", scale: "linear", least: 0.99, most: 1.1 },
        series: [
          { name: "Darner, last host", role: "result", points: share(({ makespanSeconds }) => makespanSeconds) },
          {
            name: "Darner, half of the hosts",
            role: "result",
            points: share(({ ownSeconds }) => quantile(ownSeconds, 0.5)),
          },
          { name: "bar: 1.05", role: "bound", points: points(() => 1.05) },
          {
            name: "discrete bound (pieces go on when whole)",
            role: "bound",
            points: share((one) => one.discreteBoundSeconds!),
          },
        ],
        notes: [simulated],
      },
    ];
  },
};
