/**
 * An ordinary bad day: hosts of mixed rates come over a minute, some die, some lie, and the manager
 * restarts in the midst of it. Each host is held against what its own line takes.
 */

import type { ClusterPlan, HostPlan } from "../cluster.ts";
import type { Fault } from "../faults.ts";
import { Chance } from "../random.ts";
import { atMost } from "./bars.ts";
import type { Experiment } from "./experiment.ts";
import { quantile } from "./figures.ts";
import { shareDone, simulated, upright } from "./picture.ts";
import { articleManagers, countText, latency, lengthText, mbit, megabyte } from "./plan.ts";

const fastBytesPerSecond = 100 * mbit;
const slowBytesPerSecond = 10 * mbit;
const slowShare = 0.1;
const liarShare = 0.01;
const crashShare = 0.02;
const arrivalMs = 60_000;
const managerAway = { kind: "manager-restart", atMs: 30_000, forMs: 2_000 } as const;
/** Another row of numbers than the cluster draws from the same seed. */
const seedOffset = 1_000_003;

interface Day {
  readonly hosts: readonly HostPlan[];
  readonly faults: readonly Fault[];
}

/** Who comes when, is slow, lies or dies while it downloads; the same for the same seed. */
function dayOf(seed: number, count: number, lengthBytes: number): Day {
  const chance = new Chance(seed + seedOffset);
  const order = shuffled(count, chance);
  const take = (share: number): Set<number> => new Set(order.splice(0, Math.round(share * count)));
  const slow = take(slowShare);
  // Liars and the dying are drawn among all, slow or not, and none does both.
  order.push(...slow);
  shuffle(order, chance);
  const liars = take(liarShare);
  const dying = take(crashShare);
  const hosts = Array.from({ length: count }, (_, number): HostPlan => {
    const rate = slow.has(number) ? slowBytesPerSecond : fastBytesPerSecond;
    const line = { upBytesPerSecond: rate, downBytesPerSecond: rate, startMs: chance.unit() * arrivalMs };
    return liars.has(number) ? { ...line, lies: true } : line;
  });
  const faults = [...dying].map((host): Fault => {
    const { startMs = 0, downBytesPerSecond } = hosts[host]!;
    return { kind: "crash", host, atMs: startMs + (chance.unit() * 1000 * lengthBytes) / downBytesPerSecond };
  });
  return { hosts, faults: [...faults, managerAway] };
}

function shuffled(count: number, chance: Chance): number[] {
  const numbers = Array.from({ length: count }, (_, number) => number);
  shuffle(numbers, chance);
  return numbers;
}

function shuffle(numbers: number[], chance: Chance): void {
  for (let at = numbers.length - 1; at > 0; at--) {
    const other = Math.floor(chance.unit() * (at + 1));
    [numbers[at], numbers[other]] = [numbers[other]!, numbers[at]!];
  }
}

export const roughDay: Experiment = {
  name: "rough-day",
  summary: "200 MB to 2000 hosts of mixed rates that come over a minute, crash, lie; the manager restarts",
  seeds: [1, 2, 3, 4, 5],
  assumptions: [
    `a tenth of the hosts at ${slowBytesPerSecond / mbit} Mbit/s, all others at ${fastBytesPerSecond / mbit}`,
    `each asks at some time of the first ${arrivalMs / 1000} s; 2 % die for good at some time of their download`,
    "1 % send wrong bytes in every tenth piece; nobody counts on them, and they are not counted",
    `the manager and its seeds are away for ${managerAway.forMs / 1000} s at ${managerAway.atMs / 1000} s, and come back with what was fetched`,
    "own bound: F/d, what the host's own line takes",
  ],
  columns: [
    { head: "own / own bound: p50", key: "ownRatioP50", digits: 3 },
    { head: "p99", key: "ownRatioP99", digits: 3 },
    { head: "p99.9", key: "ownRatioP999", digits: 3 },
    { head: "max", key: "ownRatioMax", digits: 3 },
  ],

  scenes: ({ hosts = 2000, lengthBytes = 200 * megabyte }) => [
    {
      label: countText(hosts, "host"),
      plan: { ...latency, ...articleManagers, lengthBytes, hosts: dayOf(1, hosts, lengthBytes).hosts },
      vary: (seed): Partial<ClusterPlan> => dayOf(seed, hosts, lengthBytes),
      compare: ({ ownRatios }) => ({
        ownRatioP50: quantile(ownRatios, 0.5),
        ownRatioP99: quantile(ownRatios, 0.99),
        ownRatioP999: quantile(ownRatios, 0.999),
        ownRatioMax: quantile(ownRatios, 1),
      }),
    },
  ],

  bars: (outcomes) => [
    atMost(
      "p99 of own time / own bound",
      1.25,
      outcomes.map(({ compared }) => compared["ownRatioP99"]!),
    ),
    atMost(
      "living honest hosts that did not finish",
      0,
      outcomes.map(({ figures }) => figures.unfinished),
      0,
    ),
  ],

  pictures(outcomes) {
    const { figures, scene } = outcomes[0]!;
    const ratios = outcomes.flatMap((outcome) => outcome.figures.ownRatios).toSorted((a, b) => a - b);
    return [
      {
        name: "sim-rough-day",
        title: `${lengthText(scene.plan.lengthBytes)} to ${countText(figures.hosts, "host")} on a rough day: each against its own line`,
        x: { title: "own time, times what the own line takes", scale: "linear", least: 0.9 },
        y: { title: "hosts, %", scale: "linear", least: 0, most: 100 },
        series: [
          { name: `Darner, ${outcomes.length} seeds together`, role: "result", steps: true, points: shareDone(ratios) },
          upright("own bound, F/d", 1),
          upright("bar for p99: 1.25", 1.25),
        ],
        notes: [
          simulated,
          "A tenth of the hosts is ten times slower; all come over a minute; 2 % die, 1 % lie, the manager is away for 2 s.",
        ],
      },
    ];
  },
};
