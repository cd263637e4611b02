/**
 * Machines made of network namespaces on one bridge, each behind a shaped link: download is shaped on
 * the bridge's side of its pair, upload on the machine's. The machines of a site have a bridge of their
 * own, and one shaped line between that and the first. Needs root, iproute2 and ethtool. All traffic
 * stays inside.
 *
 * 1. There is one first bridge, so one network at a time on a real machine; a second one is refused.
 * 2. `close` ends what runs inside, process by process, and removes what was made; so does a
 *    constructor that fails half-way. What an earlier run left behind when it was killed is removed first.
 * 3. A Ctrl-C never stops a removal half-way: the commands that make and remove do not hear it.
 */

import { execFileSync, spawn, type ChildProcess } from "node:child_process";
import { closeSync, openSync, readFileSync, rmSync, writeFileSync } from "node:fs";

const bridge = "dnb-br";
const ownerFile = "/run/darner-bench-network.pid";

export interface MachineWanted {
  /** A prefix of its program, a dash, and what it is: `dnb-origin`. */
  readonly name: string;
  readonly address: string;
  readonly mbit: number;
  /** Its site's number; without one it is outside of all. */
  readonly site?: number;
}

export class Network {
  readonly #machines: readonly MachineWanted[];
  readonly #children = new Set<number>();

  /** `siteMbits`: each site's line, each way. */
  constructor(machines: readonly MachineWanted[], siteMbits: readonly number[] = []) {
    this.#machines = machines;
    takeBridge();
    try {
      this.#remove();
      run(`ip link add ${bridge} type bridge`, `ip link set ${bridge} up`);
      run(`ip addr add 10.78.255.254/16 dev ${bridge}`);
      for (const [site, mbit] of siteMbits.entries()) this.#addSite(site, mbit);
      for (const [index, machine] of machines.entries()) this.#add(machine, outerLink(index));
    } catch (error) {
      this.close();
      throw error;
    }
  }

  #addSite(site: number, mbit: number): void {
    const { ground, into, out } = siteLinks(site);
    run(
      `ip link add ${ground} type bridge`,
      `ip link set ${ground} up`,
      `ip link add ${into} type veth peer name ${out}`,
      `ip link set ${into} master ${bridge} up`,
      `ip link set ${out} master ${ground} up`,
      `tc qdisc add dev ${into} ${shapeOf(mbit)}`,
      `tc qdisc add dev ${out} ${shapeOf(mbit)}`,
    );
  }

  #add({ name, address, mbit, site }: MachineWanted, outer: string): void {
    const shape = shapeOf(mbit);
    run(
      `ip netns add ${name}`,
      `ip link add ${outer} type veth peer name eth0 netns ${name}`,
      `ip link set ${outer} master ${site === undefined ? bridge : siteLinks(site).ground} up`,
      `ip -n ${name} addr add ${address}/16 dev eth0`,
      `ip -n ${name} link set eth0 up`,
      `ip -n ${name} link set lo up`,
      `ip netns exec ${name} ethtool -K eth0 tso on gso on gro on`,
      `tc qdisc add dev ${outer} ${shape}`,
      `ip netns exec ${name} tc qdisc add dev eth0 ${shape}`,
    );
  }

  /** Runs a shell command on a machine; its output goes to `log`. */
  start(machine: string, command: string, log: string): ChildProcess {
    const output = openSync(log, "a");
    const child = spawn("ip", ["netns", "exec", machine, "bash", "-c", command], {
      stdio: ["ignore", output, output],
      detached: true,
    });
    closeSync(output);
    const { pid } = child;
    if (pid !== undefined) {
      this.#children.add(pid);
      child.once("exit", () => this.#children.delete(pid));
    }
    return child;
  }

  /** Asks everything that runs on a machine to end. */
  interrupt(machine: string): void {
    for (const pid of pidsOn(machine)) tryKill(pid, "SIGINT");
  }

  isBusy(machine: string): boolean {
    return pidsOn(machine).length > 0;
  }

  /** Bytes that a machine has sent since it was made, headers counted. */
  sentBytes(machine: string): number {
    const index = this.#machines.findIndex(({ name }) => name === machine);
    return Number(readFileSync(`/sys/class/net/${outerLink(index)}/statistics/rx_bytes`, "utf8"));
  }

  /** Bytes that came into a site since it was made, headers counted. */
  siteReceivedBytes(site: number): number {
    return Number(readFileSync(`/sys/class/net/${siteLinks(site).into}/statistics/tx_bytes`, "utf8"));
  }

  close(): void {
    this.#remove();
    rmSync(ownerFile, { force: true });
  }

  #remove(): void {
    for (const pid of this.#children) tryKill(pid);
    this.#children.clear();
    const prefixes = new Set(this.#machines.map(({ name }) => name.slice(0, name.indexOf("-") + 1)));
    const namespaces = tryRun("ip netns list").split("\n");
    for (const name of namespaces.map((line) => line.split(" ", 1)[0]!)) {
      if (!prefixes.has(name.slice(0, name.indexOf("-") + 1))) continue;
      for (const pid of pidsOn(name)) tryKill(pid);
      // A namespace goes in its own time; its outer link would still have the name that the next run wants.
      tryRun(`ip -n ${name} link del eth0`);
      tryRun(`ip netns del ${name}`);
    }
    for (let site = 0; site < sitesMax; site++) {
      tryRun(`ip link del ${siteLinks(site).into}`);
      tryRun(`ip link del ${siteLinks(site).ground}`);
    }
    tryRun(`ip link del ${bridge}`);
  }
}

export const sitesMax = 16;
const shapeOf = (mbit: number): string => `root tbf rate ${mbit}mbit burst 256kb latency 100ms`;
/** A site's bridge, and its line: what leaves `into` comes into the site, what leaves `out` goes out of it. */
const siteLinks = (site: number) => ({ ground: `dnb-s${site}`, into: `dnb-i${site}`, out: `dnb-o${site}` });
const outerLink = (index: number): string => `dnb${index}`;

/** Says whose the bridge is, unless a living process has said so. */
function takeBridge(): void {
  const owner = Number(readOrNothing(ownerFile));
  if (owner > 0 && owner !== process.pid && isAlive(owner)) {
    throw new Error(
      `cannot make a network: process ${owner} has one, and there is one bridge; wait for it (${ownerFile})`,
    );
  }
  writeFileSync(ownerFile, String(process.pid));
}

function readOrNothing(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}

function run(...commands: readonly string[]): void {
  for (const command of commands) shell(command);
}

function tryRun(command: string): string {
  try {
    return shell(command);
  } catch {
    return "";
  }
}

function shell(command: string): string {
  return execFileSync("sh", ["-c", `trap '' INT TERM HUP; ${command}`], {
    encoding: "utf8",
    stdio: ["ignore", "pipe", "pipe"],
    timeout: 30_000,
    killSignal: "SIGKILL",
  });
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

function pidsOn(machine: string): number[] {
  return tryRun(`ip netns pids ${machine}`).split(/\s+/).filter(Boolean).map(Number);
}

function tryKill(pid: number, signal: NodeJS.Signals = "SIGKILL"): void {
  try {
    process.kill(pid, signal);
  } catch {
    // It ended by itself.
  }
}
