/** What the source sends: each byte once, against once for each host. */

import { atLeast, atMost } from "./bars.ts";
import type { Experiment, Scene } from "./experiment.ts";
import { simulated } from "./picture.ts";
import { articleManagers, countText, equalHosts, latency, lengthText, mbit, megabyte } from "./plan.ts";

const hostsDeclared = [200, 1000];
const hostBytesPerSecond = 200 * mbit;

export const articleEgress: Experiment = {
  name: "article-egress",
  summary: "what the source sends for 500 MB to 200 and 1000 hosts",
  seeds: [1],
  assumptions: ["all hosts ask at once", "direct downloads take one copy each"],
  columns: [
    { head: "direct GB", key: "nativeGigabytes", digits: 1 },
    { head: "Darner GB", key: "originGigabytes", digits: 3 },
    { head: "% less", key: "percentLess", digits: 2 },
  ],

  scenes: ({ hosts, lengthBytes = 500 * megabyte }) =>
    (hosts === undefined ? hostsDeclared : [hosts]).map((count): Scene => ({
      label: countText(count, "host"),
      plan: { ...latency, ...articleManagers, lengthBytes, hosts: equalHosts(count, hostBytesPerSecond) },
      compare: ({ originCopies }) => ({
        nativeGigabytes: (count * lengthBytes) / 1e9,
        originGigabytes: (originCopies * lengthBytes) / 1e9,
        percentLess: 100 * (1 - originCopies / count),
      }),
    })),

  bars(outcomes) {
    const less = (hosts: number): number[] =>
      outcomes.filter(({ figures }) => figures.hosts === hosts).map(({ compared }) => compared["percentLess"]!);
    return [
      atLeast("200 hosts: % less from the source", 99.5, less(200), 2),
      atLeast("1000 hosts: % less from the source", 99.9, less(1000), 2),
      atMost(
        "copies from the origin",
        1,
        outcomes.map(({ figures }) => figures.originCopies),
      ),
    ];
  },

  pictures(outcomes) {
    const { lengthBytes } = outcomes[0]!.scene.plan;
    const points = (key: string): [x: number, y: number][] =>
      outcomes.map(({ figures, compared }) => [figures.hosts, compared[key]!]);
    return [
      {
        name: "sim-article-egress",
        title: `${lengthText(lengthBytes)}: what the source sends`,
        x: { title: "hosts", scale: "linear", least: 0 },
        y: { title: "GB from the source", scale: "logarithmic", least: 0.1 },
        series: [
          { name: "direct downloads, one copy each", role: "rival", points: points("nativeGigabytes") },
          { name: "Darner", role: "result", points: points("originGigabytes") },
        ],
        notes: [simulated, "Bytes of the object; headers and what a manager asks anew are not counted."],
      },
    ];
  },
};
