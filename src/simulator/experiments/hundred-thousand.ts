/** A hot image: one manager owns it, twenty feed its hosts. Is the origin asked once, and is no manager overrun? */

import { pieceBytesMin } from "#core/model/mod.ts";
import { atMost } from "./bars.ts";
import type { Experiment } from "./experiment.ts";
import { fluidRatio } from "./figures.ts";
import { shareDone, simulated, uprightBounds } from "./picture.ts";
import { countText, equalHosts, gbit, latency, lengthText, mbit, megabyte } from "./plan.ts";

/** Fewer where they would have fewer hosts than `hostsMin` each. */
const managersMax = 20;
const hostsMin = 50;
/** As the setting task-hosts-max has it; fewer in a smaller cluster. */
const taskHostsMax = 1_000;
/** 512 KiB of 500 MB; for other lengths as many of them. */
const piecesWanted = 954;

export const hundredThousand: Experiment = {
  name: "hundred-thousand",
  summary: "500 MB to 100,000 hosts at 100 Mbit/s that are near twenty managers, which help the image's owner",
  seeds: [1],
  assumptions: [
    "all hosts ask at once, each the manager near it, which sends its share of the first thousand on to the image's owner",
    "managers at 1 Gbit/s each way; pieces as one manager with 5000 hosts cuts them",
    "a manager's load is what it says and hears on the control plane, connections to the owner included",
  ],
  columns: [
    { head: "load of busiest / mean", key: "loadMax", digits: 2 },
    { head: "owner / mean", key: "loadOwner", digits: 2 },
    { head: "hosts that dialled the owner", key: "ownerGreetings", digits: 0 },
  ],

  scenes({ hosts = 100_000, lengthBytes = 500 * megabyte }) {
    const managers = Math.max(2, Math.min(managersMax, Math.floor(hosts / hostsMin)));
    return [
      {
        label: `${countText(hosts, "host")}, ${managers} managers`,
        plan: {
          ...latency,
          lengthBytes,
          pieceBytes: Math.max(pieceBytesMin, 2 ** Math.round(Math.log2(lengthBytes / piecesWanted))),
          originBytesPerSecond: gbit,
          seedsBytesPerSecond: [gbit],
          helpersBytesPerSecond: Array.from({ length: managers - 1 }, () => gbit),
          taskHostsMax: Math.min(taskHostsMax, Math.ceil(hosts / managers / 5)),
          hosts: equalHosts(hosts, 100 * mbit),
        },
        compare: ({ managerMessages, managerGreetings }) => {
          const mean = managerMessages.reduce((sum, count) => sum + count, 0) / managerMessages.length;
          const loadMax = Math.max(...managerMessages) / mean;
          return { loadMax, loadOwner: managerMessages[0]! / mean, ownerGreetings: managerGreetings[0]! };
        },
      },
    ];
  },

  bars: (outcomes) => [
    atMost(
      "copies from the origin",
      1.01,
      outcomes.map(({ figures }) => figures.originCopies),
    ),
    atMost(
      "time / fluid bound",
      1.1,
      outcomes.map(({ figures }) => fluidRatio(figures)),
    ),
    atMost(
      "load of the busiest manager / mean",
      2,
      outcomes.map(({ compared }) => compared["loadMax"]!),
    ),
    atMost(
      "hours of this machine",
      1,
      outcomes.map(({ figures }) => figures.wallSeconds / 3600),
    ),
    atMost(
      "GB of memory",
      12,
      outcomes.map(({ figures }) => figures.memoryBytes / 1e9),
    ),
  ],

  pictures(outcomes) {
    const { figures, scene } = outcomes[0]!;
    return [
      {
        name: "sim-hundred-thousand",
        title: `${lengthText(scene.plan.lengthBytes)} to ${scene.label}: who is done when`,
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
