/** Two sites far apart, and connections that break now and then: is the line between them kept busy? */

import type { ClusterPlan, HostPlan } from "../cluster.ts";
import type { Fault } from "../faults.ts";
import { Chance } from "../random.ts";
import { atLeast, atMost } from "./bars.ts";
import type { Experiment } from "./experiment.ts";
import { shareDone, simulated, uprightBounds } from "./picture.ts";
import { countText, equalHosts, gbit, latency, lengthText, mbit, megabyte } from "./plan.ts";

const lineBytesPerSecond = 100 * mbit;
/** One way from a site to the middle: 200 ms there and back. */
const lineLatencyMs = 50;
/** Every connection of the far site that crosses the line breaks once in so long, on average. */
const breakEveryMs = 60_000;
const seedOffset = 2_000_003;

/** Breaks of what crosses, over the time that the line needs. */
function breaksOf(seed: number, lengthBytes: number): Fault[] {
  const chance = new Chance(seed + seedOffset);
  const untilMs = (1000 * lengthBytes) / lineBytesPerSecond;
  const count = Math.round((8 * untilMs) / breakEveryMs);
  return Array.from({ length: count }, () => ({ kind: "broken-crossing", atMs: chance.unit() * untilMs }));
}

export const longLine: Experiment = {
  name: "long-line",
  summary: "500 MB to two sites of 100 hosts, 200 ms and 100 Mbit/s apart, whose connections break now and then",
  seeds: [1, 2, 3],
  assumptions: [
    "all hosts ask at once; the origin and the manager are in the first site; 200 ms there and back",
    `a connection across breaks once in ${breakEveryMs / 1000} s on average, with the piece on it; its bytes are counted`,
    "TCP as a fluid: a connection takes its share of the line at once, however long that is",
  ],
  columns: [
    { head: "line used", key: "lineUse", digits: 3 },
    { head: "far site's copies", key: "farCopies", digits: 4 },
  ],

  scenes({ hosts = 200, lengthBytes = 500 * megabyte }) {
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
          hosts: equalHosts(hosts, gbit).map((host, number): HostPlan => ({ ...host, site: number % 2 })),
          sites: [line, line],
        },
        vary: (seed): Partial<ClusterPlan> => ({ faults: breaksOf(seed, lengthBytes) }),
        compare: ({ siteCopies, lineUse }) => ({ lineUse: lineUse[1]!, farCopies: siteCopies[1]! }),
      },
    ];
  },

  bars: (outcomes) => [
    atLeast(
      "share of the line used, to the last end",
      0.9,
      outcomes.map(({ compared }) => compared["lineUse"]!),
    ),
    atMost(
      "copies over the line, what was cut off included",
      1.01,
      outcomes.map(({ compared }) => compared["farCopies"]!),
    ),
  ],

  pictures(outcomes) {
    const { figures, scene } = outcomes[0]!;
    const breaks = breaksOf(outcomes[0]!.seed, scene.plan.lengthBytes).length;
    return [
      {
        name: "sim-long-line",
        title: `${lengthText(scene.plan.lengthBytes)} over a line of 100 Mbit/s and 200 ms: who is done when`,
        x: { title: "seconds since all asked", scale: "linear", least: 0 },
        y: { title: "hosts done, %", scale: "linear", least: 0, most: 100 },
        series: [
          { name: "Darner", role: "result", steps: true, points: shareDone(figures.ownSeconds) },
          ...uprightBounds(figures),
        ],
        notes: [
          simulated,
          `Half of the hosts are in the origin's site; ${breaks} connections broken; the line used ${(100 * figures.lineUse[1]!).toFixed(1)} % of the time.`,
        ],
      },
    ];
  },
};
