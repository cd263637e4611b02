/**
 * The second test of the article: images of 50 MB to 5 GB pulled by 10, 200 and 1000 clients, against
 * direct pulls from a source of 15 and of 2 Gbit/s. The managers' lines, not the source's, say how fast
 * the object comes into the swarm, so one simulated cluster stands beside both.
 */

import { atLeast } from "./bars.ts";
import type { Experiment, Outcome, Scene } from "./experiment.ts";
import { nativeSeconds } from "./native.ts";
import { simulated, type Picture } from "./picture.ts";
import { articleManagers, equalHosts, gbit, gigabyte, latency, lengthText, mbit, megabyte } from "./plan.ts";

const clientsDeclared = [10, 200, 1000];
const lengthsDeclared = [50 * megabyte, 200 * megabyte, 500 * megabyte, gigabyte, 5 * gigabyte];
const clientBytesPerSecond = 200 * mbit;

function sceneOf(clients: number, lengthBytes: number): Scene {
  const line = lengthBytes / clientBytesPerSecond;
  const native = (bytesPerSecond: number): number =>
    nativeSeconds(lengthBytes, clients, clientBytesPerSecond, { bytesPerSecond });
  return {
    label: `${lengthText(lengthBytes)} to ${clients.toLocaleString("en")}`,
    plan: { ...latency, ...articleManagers, lengthBytes, hosts: equalHosts(clients, clientBytesPerSecond) },
    compare: ({ makespanSeconds }) => ({
      native15Seconds: native(15 * gbit),
      timesFaster15: native(15 * gbit) / makespanSeconds,
      timesAllowed15: native(15 * gbit) / line,
      native2Seconds: native(2 * gbit),
      timesFaster2: native(2 * gbit) / makespanSeconds,
      timesAllowed2: native(2 * gbit) / line,
    }),
  };
}

export const articleImages: Experiment = {
  name: "article-images",
  summary: "50 MB to 5 GB to 10, 200 and 1000 clients at 200 Mbit/s: times faster than direct pulls",
  seeds: [1],
  assumptions: [
    "all clients ask at once",
    "two managers on lines of 1 Gbit/s: together they seed 2 Gbit/s and fetch no faster, whether the source has 2 or 15 Gbit/s",
    "modelled: direct pulls share the source's rate evenly, and it serves any number; allowed: what the client's own line allows",
  ],
  columns: [
    { head: "15G: direct s", key: "native15Seconds", digits: 1 },
    { head: "faster", key: "timesFaster15", digits: 2 },
    { head: "allowed", key: "timesAllowed15", digits: 2 },
    { head: "2G: direct s", key: "native2Seconds", digits: 1 },
    { head: "faster", key: "timesFaster2", digits: 2 },
    { head: "allowed", key: "timesAllowed2", digits: 2 },
  ],

  scenes: ({ hosts, lengthBytes }) =>
    (hosts === undefined ? clientsDeclared : [hosts]).flatMap((clients) =>
      (lengthBytes === undefined ? lengthsDeclared : [lengthBytes]).map((length) => sceneOf(clients, length)),
    ),

  bars(outcomes) {
    const largest = outcomes.filter(
      ({ figures, scene }) => figures.hosts === 1000 && scene.plan.lengthBytes === 5 * gigabyte,
    );
    return [
      atLeast(
        "5 GB, 1000 clients, source 2 Gbit/s: times faster (the article: up to 57)",
        90,
        largest.map(({ compared }) => compared["timesFaster2"]!),
        1,
      ),
    ];
  },

  pictures: (outcomes) => [picture(outcomes, 15, "20"), picture(outcomes, 2, "57")],
};

function picture(outcomes: readonly Outcome[], sourceGbit: number, reported: string): Picture {
  const clients = [...new Set(outcomes.map(({ figures }) => figures.hosts))];
  const line = (count: number, key: string): [x: number, y: number][] =>
    outcomes
      .filter(({ figures }) => figures.hosts === count)
      .map(({ scene, compared }) => [scene.plan.lengthBytes / megabyte, compared[key]!]);
  return {
    name: `sim-article-images-${sourceGbit}g`,
    title: `Images to clients at 200 Mbit/s, source ${sourceGbit} Gbit/s: times faster than direct pulls`,
    x: { title: "image, MB", scale: "logarithmic" },
    y: { title: "times faster", scale: "linear", least: 0 },
    series: [
      ...clients.map((count) => ({
        name: `${count} clients`,
        role: "result" as const,
        points: line(count, `timesFaster${sourceGbit}`),
      })),
      ...clients.map((count) => ({
        name: `allowed by the lines, ${count} clients`,
        role: "bound" as const,
        points: line(count, `timesAllowed${sourceGbit}`),
      })),
    ],
    notes: [
      simulated,
      `Modelled: direct pulls share the source's ${sourceGbit} Gbit/s evenly. The article reports up to ${reported}.`,
    ],
  };
}
