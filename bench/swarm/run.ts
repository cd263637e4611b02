/**
 * One run of one contender on machines of its own: the origin, the manager and the hosts are made,
 * services and daemons started and left to settle, the race run and counted, everything removed.
 *
 * 1. Whatever ends a run (its end, an error, Ctrl-C), its processes, namespaces and files are gone.
 * 2. Between the first start and the last end nothing runs here but the race itself.
 */

import { execFileSync } from "node:child_process";
import { createHash, randomFillSync } from "node:crypto";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { machineCpuSeconds } from "../machine.ts";
import type { Contender, Ground, HostGround } from "./contenders.ts";
import { figuresOf, rateMbit, timeLimitSeconds, type Counters, type HostTime, type Layout } from "./figures.ts";
import { Network, type MachineWanted } from "./network.ts";
import { ProcessCpu } from "./process-cpu.ts";
import type { Measured } from "./report.ts";

const originAddress = "10.78.0.2";
const managerAddress = "10.78.0.3";
const [originName, managerName] = ["dnb-origin", "dnb-manager"];
const pollMs = 20;
const settleMs = 2500;
const settlePerDaemonMs = 200;
const quietMs = 1000;
/** A profile is written when its process ends. */
const profileMsMax = 10_000;

export interface RunWanted {
  readonly root: string;
  readonly layout: Layout;
  readonly torrentPieceBytes: number;
  readonly keep: boolean;
  /** The host whose Node processes are profiled. */
  readonly profile?: number | undefined;
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
const hostName = (index: number): string => `dnb-host${index}`;
const hostAddress = (index: number): string => `10.78.${1 + Math.floor(index / 200)}.${10 + (index % 200)}`;

export async function runOnce(contender: Contender, wanted: RunWanted): Promise<Measured> {
  const folder = mkdtempSync(`${tmpdir()}/bench-swarm-`);
  let network: Network | undefined;
  let cpu: ProcessCpu | undefined;
  const end = (): void => {
    network?.close();
    cpu?.close();
    if (!wanted.keep) rmSync(folder, { recursive: true, force: true, maxRetries: 10 });
  };
  const signals = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 } as const;
  const handlers = Object.entries(signals).map(([signal, status]) => {
    const handler = (): never => {
      process.stderr.write(`\n${signal}: removing the machines\n`);
      end();
      process.exit(status);
    };
    process.on(signal, handler);
    return { signal, handler };
  });
  try {
    network = new Network(
      machinesOf(wanted.layout),
      wanted.layout.sites > 1 ? Array.from({ length: wanted.layout.sites }, () => wanted.layout.siteMbit) : [],
    );
    cpu = new ProcessCpu();
    return await new Run(contender, wanted, network, cpu, folder).measure();
  } finally {
    end();
    for (const { signal, handler } of handlers) process.off(signal, handler);
    if (wanted.keep) process.stderr.write(`${contender.name}: files and logs are in ${folder}\n`);
  }
}

/** Hosts are in the sites by turns, and the manager in the first. */
const siteOf = ({ sites }: Layout, index: number): { site?: number } => (sites > 1 ? { site: index % sites } : {});
const siteName = (layout: Layout, index: number): string | undefined =>
  layout.sites > 1 ? `site${siteOf(layout, index).site}` : undefined;

const machinesOf = (layout: Layout): MachineWanted[] => [
  { name: originName, address: originAddress, mbit: layout.originMbit },
  { name: managerName, address: managerAddress, mbit: layout.managerMbit, ...siteOf(layout, 0) },
  ...Array.from({ length: layout.hosts }, (_, index) => ({
    name: hostName(index),
    ...siteOf(layout, index),
    address: hostAddress(index),
    mbit: rateMbit(layout, index),
  })),
];

class Run {
  readonly #contender: Contender;
  readonly #layout: Layout;
  readonly #network: Network;
  readonly #cpu: ProcessCpu;
  readonly #ground: Ground;
  readonly #hosts: readonly HostGround[];
  readonly #profile: number | undefined;

  constructor(contender: Contender, wanted: RunWanted, network: Network, cpu: ProcessCpu, folder: string) {
    this.#contender = contender;
    this.#layout = wanted.layout;
    this.#network = network;
    this.#cpu = cpu;
    this.#profile = wanted.profile;
    this.#ground = {
      root: wanted.root,
      folder,
      source: `${folder}/www/data.bin`,
      originAddress,
      managerAddress,
      url: `http://${originAddress}/data.bin`,
      node: process.execPath,
      torrentPieceBytes: wanted.torrentPieceBytes,
      site: siteName(wanted.layout, 0),
    };
    this.#hosts = Array.from({ length: wanted.layout.hosts }, (_, index) => ({
      address: hostAddress(index),
      folder: `${folder}/host${index}`,
      output: `${folder}/host${index}/out.bin`,
      site: siteName(wanted.layout, index),
    }));
  }

  async measure(): Promise<Measured> {
    const digest = this.#startOrigin();
    await this.#startServices();
    const busyBefore = machineCpuSeconds();
    await pause(quietMs);
    const before = this.#counters();
    const busyCoresBefore = ((before.machineCpuSeconds - busyBefore) * 1000) / quietMs;
    const times = await this.#race();
    const after = this.#counters();
    const intact = this.#hosts.filter(({ output }) => existsSync(output) && digestOf(output) === digest).length;
    this.#sayWhatFailed(times);
    await this.#endProfiled();
    return { ...figuresOf(this.#layout, times, intact, before, after), busyCoresBefore };
  }

  /** Returns the file's digest. */
  #startOrigin(): string {
    const { folder, source } = this.#ground;
    mkdirSync(`${folder}/www`);
    const data = randomFillSync(Buffer.alloc(this.#layout.fileBytes));
    writeFileSync(source, data);
    writeFileSync(
      `${folder}/nginx.conf`,
      `worker_processes 1; daemon off; pid ${folder}/nginx.pid; error_log ${folder}/nginx.err; events { worker_connections 4096; } http { access_log off; sendfile on; server { listen ${originAddress}:80; root ${folder}/www; } }`,
    );
    execFileSync("chmod", ["-R", "a+rX", folder]);
    this.#network.start(originName, `exec nginx -c ${folder}/nginx.conf`, `${folder}/nginx.log`);
    return createHash("sha256").update(data).digest("hex");
  }

  async #startServices(): Promise<void> {
    const { folder } = this.#ground;
    for (const host of this.#hosts) mkdirSync(host.folder);
    for (const { machine, command } of this.#contender.services(this.#ground))
      this.#network.start(machine === "origin" ? originName : managerName, command, `${folder}/${machine}.log`);
    await pause(settleMs);
    if (this.#contender.daemon === undefined) return;
    for (const [index, host] of this.#hosts.entries()) this.#startDaemon(index, host);
    await pause(settleMs + (this.#contender.settlePerDaemonMs ?? settlePerDaemonMs) * this.#hosts.length);
  }

  #startDaemon(index: number, host: HostGround): void {
    const command = this.#contender.daemon!(this.#ground, host);
    const profiles = `--cpu-prof --cpu-prof-interval 200 --cpu-prof-dir ${this.#ground.root}/bench/results/profiles`;
    const options = index === this.#profile ? `export NODE_OPTIONS="${profiles}"; ` : "";
    this.#network.start(hostName(index), options + command, `${host.folder}/daemon.log`);
  }

  async #endProfiled(): Promise<void> {
    if (this.#profile === undefined) return;
    const untilMs = performance.now() + profileMsMax;
    this.#network.interrupt(hostName(this.#profile));
    while (this.#network.isBusy(hostName(this.#profile)) && performance.now() < untilMs) await pause(pollMs);
  }

  #counters(): Counters {
    return {
      machineCpuSeconds: machineCpuSeconds(),
      processCpuSeconds: this.#cpu.usedSeconds(),
      originSentBytes: this.#network.sentBytes(originName),
      managerSentBytes: this.#network.sentBytes(managerName),
      siteReceivedBytes:
        this.#layout.sites > 1
          ? Array.from({ length: this.#layout.sites }, (_, site) => this.#network.siteReceivedBytes(site))
          : [],
    };
  }

  /** Starts every host's get when it is due and waits for all; times are from the first start. */
  async #race(): Promise<readonly HostTime[]> {
    const limitMs = timeLimitSeconds(this.#layout) * 1000;
    const zero = performance.now();
    const starts: number[] = [];
    const ends = new Map<number, number>();
    const failed = new Set<number>();
    const byFile = this.#contender.doneFile === true;
    while (ends.size + failed.size < this.#hosts.length && performance.now() - zero < limitMs) {
      const nowMs = performance.now() - zero;
      for (let index = starts.length; index < this.#hosts.length; index++) {
        if (nowMs < this.#layout.staggerMs * index) break;
        starts.push(nowMs);
        this.#startGet(index, (status) => {
          if (status === 0 && !byFile) ends.set(index, performance.now() - zero);
          else if (!ends.has(index)) failed.add(index);
        });
      }
      for (const index of byFile ? starts.keys() : []) {
        if (!ends.has(index) && existsSync(this.#hosts[index]!.output)) ends.set(index, performance.now() - zero);
      }
      await pause(pollMs);
    }
    return this.#hosts.map((_, index) => ({ startMs: starts[index] ?? 0, endMs: ends.get(index) }));
  }

  #startGet(index: number, onExit: (status: number | null) => void): void {
    const host = this.#hosts[index]!;
    const command = this.#contender.get(this.#ground, host);
    const child = this.#network.start(hostName(index), command, `${host.folder}/get.log`);
    child.on("exit", onExit);
    child.on("error", () => onExit(null));
  }

  #sayWhatFailed(times: readonly HostTime[]): void {
    const index = times.findIndex(({ endMs }) => endMs === undefined);
    if (index === -1) return;
    const log = readFileSync(`${this.#hosts[index]!.folder}/get.log`, "utf8").trim().slice(-500);
    process.stderr.write(
      `${this.#contender.name}: host ${index} did not get the file${log === "" ? "" : `: ${log}`}\n`,
    );
  }
}

const digestOf = (path: string): string => createHash("sha256").update(readFileSync(path)).digest("hex");
