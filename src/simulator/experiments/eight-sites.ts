/** Eight data centres with thin lines between: does each piece come into each once, and at the line's rate? */

import type { HostPlan } from "../cluster.ts";
import { atMost } from "./bars.ts";
import type { Experiment } from "./experiment.ts";
import { fluidRatio } from "./figures.ts";
import { shareDone, simulated, uprightBounds } from "./picture.ts";
import { countText, equalHosts, gbit, latency, lengthText, mbit, megabyte } from "./plan.ts";

const sites = 8;
const lineBytesPerSecond = 100 * mbit;
/** One way from a site to the middle: 10 ms from any site to any other, 20 there and back. */
const lineLatencyMs = 5;

export const eightSites: Experiment = {
  name: "eight-sites",
  summary: "500 MB to 8 sites of 500 hosts at 1 Gbit/s, with lines of 100 Mbit/s each way between the sites",
  seeds: [1],
  assumptions: [
    "all hosts ask at once; the origin and the manager are in the first site",
    `each site has one line of ${lineBytesPerSecond / mbit} Mbit/s in and one out, which all that crosses shares max-min fairly; ${2 * lineLatencyMs} ms from site to site`,
    "fluid bound with the lines: the object must leave the first site once and come into each other one",
  ],
  columns: [
    { head: "worst site's copies", key: "siteCopiesMax", digits: 4 },
    { head: "line used least", key: "lineUseMin", digits: 3 },
  ],

  scenes({ hosts = 4000, lengthBytes = 500 * megabyte }) {
    const spread = equalHosts(hosts, gbit).map((host, number): HostPlan => ({ ...host, site: number % sites }));
    const line = {
      inBytesPerSecond: lineBytesPerSecond,
      outBytesPerSecond: lineBytesPerSecond,
      latencyMs: lineLatencyMs,
    };
    return [
      {
        label: countText(hosts, "host"),
        plan: {
          ...latency,
          lengthBytes,
          originBytesPerSecond: gbit,
          seedsBytesPerSecond: [gbit],
          hosts: spread,
          sites: Array.from({ length: sites }, () => line),
        },
        compare: ({ siteCopies, lineUse }) => ({
          siteCopiesMax: Math.max(...siteCopies),
          lineUseMin: Math.min(...lineUse),
        }),
      },
    ];
  },

  bars: (outcomes) => [
    atMost(
      "copies into any site, the origin's into the first",
      1.01,
      outcomes.map(({ compared }) => compared["siteCopiesMax"]!),
    ),
    atMost(
      "copies from the origin",
      1.01,
      outcomes.map(({ figures }) => figures.originCopies),
    ),
    atMost(
      "time / bound with the lines",
      1.08,
      outcomes.map(({ figures }) => fluidRatio(figures)),
    ),
  ],

  pictures(outcomes) {
    const { figures, scene } = outcomes[0]!;
    return [
      {
        name: "sim-eight-sites",
        title: `${lengthText(scene.plan.lengthBytes)} to ${countText(figures.hosts, "host")} in ${sites} sites: who is done when`,
        x: { title: "seconds since all asked", scale: "linear", least: 0 },
        y: { title: "hosts done, %", scale: "linear", least: 0, most: 100 },
        series: [
          { name: "Darner", role: "result", steps: true, points: shareDone(figures.ownSeconds) },
          ...uprightBounds(figures),
        ],
        notes: [
          simulated,
          `Hosts at 1 Gbit/s, lines between sites ${lineBytesPerSecond / mbit} Mbit/s each way; copies into each site: ${figures.siteCopies.map((copies) => copies.toFixed(3)).join(", ")}.`,
        ],
      },
    ];
  },
};
