/**
 * The test that Uber published of Kraken (its README): 3 GB to 2600 hosts that may each take 300 MB/s,
 * five origins. Its origins held the object beforehand; here the managers fetch it meanwhile.
 */

import { atMost } from "./bars.ts";
import type { Experiment } from "./experiment.ts";
import { quantile } from "./figures.ts";
import { shareDone, simulated, uprightBounds } from "./picture.ts";
import { countText, equalHosts, gigabyte, latency, lengthText, megabyte } from "./plan.ts";

const hostBytesPerSecond = 300 * megabyte;
const seeds = 5;
/** Kraken's own times in seconds, by the share of hosts that were done. */
const published = [
  [0.5, 10],
  [0.99, 18],
  [0.999, 22],
] as const;

export const kraken: Experiment = {
  name: "kraken",
  summary: "3 GB to 2600 hosts at 300 MB/s, beside what Kraken published (p50 10, p99 18, p99.9 22 s)",
  seeds: [1],
  assumptions: [
    "all hosts ask at once; five seeds as fast as a host, as Kraken's five origins; the source as fast as they",
  ],
  columns: [],

  scenes: ({ hosts = 2600, lengthBytes = 3 * gigabyte }) => [
    {
      label: countText(hosts, "host"),
      plan: {
        ...latency,
        lengthBytes,
        originBytesPerSecond: seeds * hostBytesPerSecond,
        seedsBytesPerSecond: Array.from({ length: seeds }, () => hostBytesPerSecond),
        hosts: equalHosts(hosts, hostBytesPerSecond),
      },
    },
  ],

  bars(outcomes) {
    const own = (share: number): number[] => outcomes.map(({ figures }) => quantile(figures.ownSeconds, share));
    return [
      atMost("p50 of own times, s (Kraken 10)", 10.5, own(0.5), 2),
      atMost("p99 of own times, s (Kraken 18)", 11.5, own(0.99), 2),
      atMost("p99.9 of own times, s (Kraken 22)", 12, own(0.999), 2),
    ];
  },

  pictures(outcomes) {
    const { figures, scene } = outcomes[0]!;
    return [
      {
        name: "sim-kraken",
        title: `${lengthText(scene.plan.lengthBytes)} to ${countText(figures.hosts, "host")} at 300 MB/s: who is done when`,
        x: { title: "seconds since all asked", scale: "linear", least: 0 },
        y: { title: "hosts done, %", scale: "linear", least: 0, most: 100 },
        series: [
          { name: "Darner", role: "result", steps: true, points: shareDone(figures.ownSeconds) },
          {
            name: "Kraken, as published: p50, p99, p99.9",
            role: "rival",
            pointsOnly: true,
            points: published.map(([share, seconds]) => [seconds, 100 * share]),
          },
          ...uprightBounds(figures),
        ],
        notes: [
          simulated,
          "Kraken's points: measured by Uber on real hosts, five origins that held the object beforehand.",
        ],
      },
    ];
  },
};
