/** The first test of the 2017 article: 1 to 7000 clients, direct downloads against the swarm. */

import { atMost } from "./bars.ts";
import type { Experiment, Outcome, Scene } from "./experiment.ts";
import { fluidRatio } from "./figures.ts";
import { nativeSeconds } from "./native.ts";
import { simulated, worstByHosts } from "./picture.ts";
import { articleManagers, countText, equalHosts, gbit, latency, lengthText, mbit, megabyte } from "./plan.ts";

const clientsDeclared = [1, 10, 100, 400, 1200, 3000, 7000];
const clientBytesPerSecond = 100 * mbit;
/** The article's source gives up beyond this number of clients. */
const clientsMax = 1200;
const source = { bytesPerSecond: 2 * gbit, clientsMax };
const givesUp = `direct downloads share 2 Gbit/s of the source, which gives up past ${clientsMax} clients, as the article says of its own`;

export const articleClients: Experiment = {
  name: "article-clients",
  summary: "200 MB to 1 to 7000 clients at 100 Mbit/s, direct downloads against Darner",
  seeds: [1],
  assumptions: ["all clients ask at once", `modelled: ${givesUp}`],
  columns: [
    { head: "direct s", key: "nativeSeconds", digits: 1 },
    { head: "faster", key: "timesFaster", digits: 2 },
  ],

  scenes: ({ hosts, lengthBytes = 200 * megabyte }) =>
    (hosts === undefined ? clientsDeclared : [hosts]).map((count): Scene => ({
      label: countText(count, "client"),
      plan: { ...latency, ...articleManagers, lengthBytes, hosts: equalHosts(count, clientBytesPerSecond) },
      compare({ makespanSeconds }) {
        const native = nativeSeconds(lengthBytes, count, clientBytesPerSecond, source);
        return { nativeSeconds: native, timesFaster: native / makespanSeconds };
      },
    })),

  bars: (outcomes) => [
    atMost(
      "at any number of clients: time / fluid bound",
      1.05,
      outcomes.map(({ figures }) => fluidRatio(figures)),
    ),
  ],

  pictures(outcomes) {
    const { lengthBytes } = outcomes[0]!.scene.plan;
    const points = (value: (outcome: Outcome) => number) => worstByHosts(outcomes, value);
    const most = outcomes.reduce((most, { figures }) => Math.max(most, figures.hosts), 1);
    const served = [1, 20, 50, 100, 200, 400, 800, clientsMax].filter((count) => count <= most);
    return [
      {
        name: "sim-article-clients",
        title: `${lengthText(lengthBytes)}, clients at 100 Mbit/s: time until the last has it`,
        x: { title: "clients", scale: "logarithmic" },
        y: { title: "seconds", scale: "logarithmic", least: 10 },
        series: [
          {
            name: "direct downloads (model)",
            role: "rival",
            points: served.map((count) => [count, nativeSeconds(lengthBytes, count, clientBytesPerSecond, source)]),
          },
          { name: "Darner", role: "result", points: points(({ figures }) => figures.makespanSeconds) },
          { name: "fluid bound", role: "bound", points: points(({ figures }) => figures.fluidBoundSeconds) },
        ],
        notes: [simulated, `Modelled: ${givesUp}.`],
      },
    ];
  },
};
