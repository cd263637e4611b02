/** Hosts behind shaped links: what receiving costs where packets come slowly, and a cold pull beside curl. */

import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { needs } from "../../swarm/needs.ts";
import { Network } from "../../swarm/network.ts";
import { cpuSecondsOf, nginxConfig, pause, root, type Ground } from "../ground.ts";
import type { Row } from "../row.ts";
import { Series } from "../series.ts";

const originAddress = "10.78.0.2";
const managerAddress = "10.78.0.3";
const hostAddress = (index: number): string => `10.78.1.${10 + index}`;
const url = `http://${originAddress}/a.bin`;
const settleMs = 2500;

/** All processes that run in a namespace, the shells around them left out. */
function cpuSecondsIn(names: readonly string[], pidsOf: (name: string) => readonly number[]): number {
  return names.flatMap((name) => pidsOf(name)).reduce((sum, pid) => sum + tryCpu(pid), 0);
}

function tryCpu(pid: number): number {
  try {
    return cpuSecondsOf(pid);
  } catch {
    return 0;
  }
}

/** The descendants of a process, by /proc. */
function descendants(pid: number): number[] {
  try {
    return readdirSync(`/proc/${pid}/task`).flatMap((thread) =>
      readFileSync(`/proc/${pid}/task/${thread}/children`, "utf8")
        .split(" ")
        .filter((text) => text.trim() !== "")
        .flatMap((text) => [Number(text), ...descendants(Number(text))]),
    );
  } catch {
    return [];
  }
}

function startOrigin(ground: Ground, network: Network): void {
  writeFileSync(`${ground.folder}/nginx.conf`, nginxConfig(ground.folder, `${originAddress}:80`));
  network.start("dnp-origin", `exec nginx -c ${ground.folder}/nginx.conf`, `${ground.folder}/log`);
}

const receivers = 20;
const windowMs = 5000;
const hostMbit = 25;

export const slowReceive: Row = {
  name: "slow-receive",
  root: true,
  help: `CPU of ${receivers} hosts at ${hostMbit} Mbit/s each that receive, hash and store at the same time, in a window of 5 s amid the transfer: dfget alone and curl, which checks nothing; bar 0.6 x`,
  needs: [needs.nginx, needs.curl, needs.ip, needs.ethtool],
  async run(ground, { runs }) {
    ground.serve("a.bin", (hostMbit / 8) * 1e6 * 14);
    const hosts = Array.from({ length: receivers }, (_, index) => ({
      name: `dnp-host${index}`,
      address: hostAddress(index),
      mbit: hostMbit,
    }));
    const network = new Network([{ name: "dnp-origin", address: originAddress, mbit: 2000 }, ...hosts]);
    const series = new Series();
    try {
      startOrigin(ground, network);
      await pause(settleMs);
      const commands = {
        curl: (folder: string) => `curl -s -o ${folder}/curl.out ${url}`,
        dfget: (folder: string) =>
          `HOME=${folder} DARNER_SOCKET=${folder}/none NODE_COMPILE_CACHE=${ground.folder}/cache ${root}/bin/dfget -q -O ${folder}/dfget.out ${url}`,
      };
      for (let run = 0; run < Math.min(runs, 2); run++) {
        for (const [name, command] of Object.entries(commands)) {
          const children: ChildProcess[] = [];
          for (const { name: host } of hosts) {
            const folder = `${ground.folder}/${host}`;
            mkdirSync(folder, { recursive: true });
            children.push(network.start(host, command(folder), `${folder}/log`));
          }
          const ends = Promise.all(children.map((child) => once(child, "exit")));
          // Starts are behind them by then, ends still ahead.
          await pause(4000);
          const pidsOf = (): number[] => children.flatMap(({ pid }) => [pid!, ...descendants(pid!)]);
          const sent = network.sentBytes("dnp-origin");
          const before = cpuSecondsIn(["all"], pidsOf);
          await pause(windowMs);
          const cpuSeconds = cpuSecondsIn(["all"], pidsOf) - before;
          const bytes = network.sentBytes("dnp-origin") - sent;
          series.add(`${name}CpuSecondsPerGb`, cpuSeconds / (bytes / 1e9));
          series.add(`${name}MbitPerHost`, (bytes * 8) / 1e6 / receivers / (windowMs / 1000));
          await ends;
          for (const { name: host } of hosts) ground.remove(host);
        }
      }
    } finally {
      network.close();
    }
    const ratio = series.median("dfgetCpuSecondsPerGb") / series.median("curlCpuSecondsPerGb");
    return series.result([{ what: "dfget / curl", value: ratio, most: 0.6 }]);
  },
};

const pulls = [
  { mbit: 25, sizeBytes: 50e6, shownBytes: 200e6 },
  { mbit: 200, sizeBytes: 400e6, shownBytes: 1000e6 },
] as const;

/** Seconds to the first byte of the output and to the end of a command that writes to its standard output. */
async function timed(ground: Ground, command: string): Promise<{ first: number; whole: number }> {
  const startMs = performance.now();
  const child = spawn("ip", ["netns", "exec", "dnp-host0", "bash", "-c", command], {
    env: ground.environment,
    stdio: ["ignore", "pipe", "inherit"],
  });
  let first = 0;
  child.stdout.on("data", () => (first ||= (performance.now() - startMs) / 1000));
  const [status] = (await once(child, "close")) as [number];
  if (status !== 0) throw new Error(`${command} ended with status ${status}`);
  return { first, whole: (performance.now() - startMs) / 1000 };
}

export const coldPull: Row = {
  name: "cold-pull",
  root: true,
  help: "a cold object through manager and daemon (curl on the daemon's socket) beside curl direct, origin, manager and host on links of 25 and 200 Mbit/s: time, bar 1.02 x, and the first byte, bar direct + 1 round trip + 20 ms + a piece's time on each link; --mb 1000 or more for the sizes to be shown (200 MB, 1 GB), else 50 and 400 MB",
  needs: [needs.nginx, needs.curl, needs.ip, needs.ethtool],
  async run(ground, options) {
    const series = new Series();
    const bars = [];
    for (const { mbit, sizeBytes: quickBytes, shownBytes } of pulls) {
      const sizeBytes = options.sizeBytes >= 1e9 && options.runs > 1 ? shownBytes : quickBytes;
      ground.serve("a.bin", sizeBytes);
      const machines = [
        { name: "dnp-origin", address: originAddress, mbit },
        { name: "dnp-manager", address: managerAddress, mbit },
        { name: "dnp-host0", address: hostAddress(0), mbit },
      ];
      const network = new Network(machines);
      try {
        startOrigin(ground, network);
        const folder = `${ground.folder}/pull${mbit}`;
        mkdirSync(folder);
        const program = `HOME=${folder} NODE_COMPILE_CACHE=${ground.folder}/cache exec ${root}/bin/darner`;
        network.start(
          "dnp-manager",
          `${program} cluster-manager --listen ${managerAddress}:8002 --advertise ${managerAddress} --data-dir ${folder}/manager --trust off`,
          `${folder}/manager.log`,
        );
        await pause(settleMs);
        network.start(
          "dnp-host0",
          `${program} daemon --manager http://${managerAddress}:8002 --listen ${hostAddress(0)}:65002 --advertise ${hostAddress(0)} --data-dir ${folder}/data --socket ${folder}/d.sock --trust off`,
          `${folder}/daemon.log`,
        );
        await pause(settleMs);
        for (let run = 0; run < Math.min(options.runs, 3); run++) {
          const curl = await timed(ground, `exec curl -s ${url}?${run}`);
          const darner = await timed(
            ground,
            `exec curl -s --unix-socket ${folder}/d.sock "http://darner/v1/object?url=${encodeURIComponent(`${url}?${run}`)}"`,
          );
          series.add(`${mbit} Mbit/s curl seconds`, curl.whole);
          series.add(`${mbit} Mbit/s darner seconds`, darner.whole);
          series.add(`${mbit} Mbit/s curl first byte ms`, curl.first * 1000);
          series.add(`${mbit} Mbit/s darner first byte ms`, darner.first * 1000);
        }
      } finally {
        network.close();
      }
      const ratio = series.median(`${mbit} Mbit/s darner seconds`) / series.median(`${mbit} Mbit/s curl seconds`);
      bars.push({ what: `${mbit} Mbit/s, time / curl`, value: ratio, most: 1.02 });
      // A lone host's pieces are 1 MiB at most; the links add no delay of their own.
      const pieceMs = ((Math.min(2 ** 20, sizeBytes / 50) * 8) / (mbit * 1e6)) * 1000;
      const later =
        series.median(`${mbit} Mbit/s darner first byte ms`) - series.median(`${mbit} Mbit/s curl first byte ms`);
      bars.push({ what: `${mbit} Mbit/s, first byte later by ms`, value: later, most: 20 + 2 * pieceMs });
    }
    return series.result(bars);
  },
};
