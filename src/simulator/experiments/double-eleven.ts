/** Ten thousand hosts want the same release at once. */

import { atMost } from "./bars.ts";
import type { Experiment } from "./experiment.ts";
import { shareDone, simulated, uprightBounds } from "./picture.ts";
import { articleManagers, countText, equalHosts, gbit, gigabyte, latency, lengthText } from "./plan.ts";

export const doubleEleven: Experiment = {
  name: "double-eleven",
  summary: "5 GB to 10,000 hosts at 1 Gbit/s, all done within 44 s",
  seeds: [1],
  assumptions: ["all hosts ask at once; the managers' seeds are no faster than two hosts"],
  columns: [],

  scenes: ({ hosts = 10_000, lengthBytes = 5 * gigabyte }) => [
    {
      label: countText(hosts, "host"),
      plan: { ...latency, ...articleManagers, lengthBytes, hosts: equalHosts(hosts, gbit) },
    },
  ],

  bars: (outcomes) => [
    atMost(
      "all done, s",
      44,
      outcomes.map(({ figures }) => figures.makespanSeconds),
      2,
    ),
    atMost(
      "copies from the origin",
      1,
      outcomes.map(({ figures }) => figures.originCopies),
    ),
  ],

  pictures(outcomes) {
    const { figures, scene } = outcomes[0]!;
    return [
      {
        name: "sim-double-eleven",
        title: `${lengthText(scene.plan.lengthBytes)} to ${countText(figures.hosts, "host")} at 1 Gbit/s: who is done when`,
        x: { title: "seconds since all asked", scale: "linear", least: 0 },
        y: { title: "hosts done, %", scale: "linear", least: 0, most: 100 },
        series: [
          { name: "Darner", role: "result", steps: true, points: shareDone(figures.ownSeconds) },
          ...uprightBounds(figures),
        ],
        notes: [simulated],
      },
    ];
  },
};
