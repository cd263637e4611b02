/** What the simulator itself costs, where the most is to be simulated that fits into minutes. */

import { atMost } from "./bars.ts";
import type { Experiment } from "./experiment.ts";
import { articleManagers, countText, equalHosts, latency, mbit, megabyte } from "./plan.ts";

/** Longer than the product cuts for so many hosts: the cost of a piece compares with that of other simulators. */
const pieceBytes = 256 * 1024;

export const simulatorCost: Experiment = {
  name: "simulator-cost",
  summary: "200 MB in pieces of 256 KiB to 10,000 hosts: what it takes to simulate that",
  seeds: [1],
  assumptions: ["all hosts ask at once"],
  columns: [],

  scenes: ({ hosts = 10_000, lengthBytes = 200 * megabyte }) => [
    {
      label: countText(hosts, "host"),
      plan: { ...latency, ...articleManagers, lengthBytes, pieceBytes, hosts: equalHosts(hosts, 100 * mbit) },
    },
  ],

  bars: (outcomes) => [
    atMost(
      "wall seconds",
      60,
      outcomes.map(({ figures }) => figures.wallSeconds),
      1,
    ),
    atMost(
      "GB of memory",
      4,
      outcomes.map(({ figures }) => figures.memoryBytes / 1e9),
      2,
    ),
  ],

  pictures: () => [],
};
