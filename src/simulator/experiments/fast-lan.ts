/** Lines so fast that the processor is what is scarce: 10 Gbit/s, with the CPU that each byte costs. */

import { atMost } from "./bars.ts";
import type { Experiment } from "./experiment.ts";
import type { Figures } from "./figures.ts";
import { shareDone, simulated, upright, uprightBounds } from "./picture.ts";
import { countText, equalHosts, gbit, gigabyte, lengthText } from "./plan.ts";
import { choosePieceBytes } from "#core/model/mod.ts";

/**
 * CPU seconds for a GB on one core, measured with Node 26 on a core with SHA extensions (Zen 4, loopback):
 * receiving into the buffer that is hashed with SHA-256 and written once, and sending with sendfile(2)
 * in calls of 256 KiB to 50 readers.
 */
const receiveCpuSecondsPerGigabyte = 1.45;
const sendCpuSecondsPerGigabyte = 0.24;
/** A host sends on average what it receives, so that both are charged when a piece arrives. */
const cpuSecondsPerByte = (receiveCpuSecondsPerGigabyte + sendCpuSecondsPerGigabyte) / gigabyte;

const largerBoundSeconds = ({ fluidBoundSeconds, cpuBoundSeconds }: Figures): number =>
  Math.max(fluidBoundSeconds, cpuBoundSeconds);

export const fastLan: Experiment = {
  name: "fast-lan",
  summary: "5 GB to 1000 hosts at 10 Gbit/s and 0.2 ms, with the processor's time for each piece",
  seeds: [1],
  assumptions: [
    "all hosts ask at once",
    `each host has one core for it: ${receiveCpuSecondsPerGigabyte} CPU s/GB to receive, hash and store, ${sendCpuSecondsPerGigabyte} to send, both charged when a piece arrives, since a host sends on average what it receives`,
    "the manager's fetch is as slow as its own hashing",
  ],
  columns: [
    { head: "CPU bound s", key: "cpuBoundSeconds", digits: 2 },
    { head: "x larger bound", key: "largerRatio", digits: 3 },
  ],

  scenes({ hosts = 1000, lengthBytes = 5 * gigabyte }) {
    const pieceBytes = choosePieceBytes(lengthBytes, hosts);
    return [
      {
        label: countText(hosts, "host"),
        plan: {
          lengthBytes,
          pieceBytes,
          originBytesPerSecond: gigabyte / receiveCpuSecondsPerGigabyte,
          seedsBytesPerSecond: [10 * gbit],
          hosts: equalHosts(hosts, 10 * gbit),
          latencyMs: 0.2,
          jitterMs: 0.05,
          pieceCpuMs: 1000 * pieceBytes * cpuSecondsPerByte,
        },
        compare: (figures) => ({
          cpuBoundSeconds: figures.cpuBoundSeconds,
          largerRatio: figures.makespanSeconds / largerBoundSeconds(figures),
        }),
      },
    ];
  },

  bars: (outcomes) => [
    atMost(
      "time / larger of fluid and CPU bound",
      1.15,
      outcomes.map(({ compared }) => compared["largerRatio"]!),
    ),
  ],

  pictures(outcomes) {
    const { figures, scene } = outcomes[0]!;
    const cpu = figures.cpuBoundSeconds;
    return [
      {
        name: "sim-fast-lan",
        title: `${lengthText(scene.plan.lengthBytes)} to ${countText(figures.hosts, "host")} at 10 Gbit/s: who is done when`,
        x: { title: "seconds since all asked", scale: "linear", least: 0 },
        y: { title: "hosts done, %", scale: "linear", least: 0, most: 100 },
        series: [
          { name: "Darner", role: "result", steps: true, points: shareDone(figures.ownSeconds) },
          upright(`CPU bound, ${cpu.toFixed(2)} s`, cpu),
          ...uprightBounds(figures),
        ],
        notes: [
          simulated,
          `One core for each host: ${receiveCpuSecondsPerGigabyte} CPU s/GB to receive, hash and store, ${sendCpuSecondsPerGigabyte} to send (measured).`,
        ],
      },
    ];
  },
};
