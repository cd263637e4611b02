/**
 * Machines made of network namespaces on one bridge, each behind a shaped link: download is shaped on
 * the bridge's side of its pair, upload on the machine's. Needs root, iproute2 and ethtool. All
 * traffic stays inside; what was made is removed by `close`, by name and by process id.
 */

import { execFileSync, spawn, type ChildProcess } from "node:child_process";
import { openSync, readFileSync } from "node:fs";

const bridge = "dnb-br";

export interface MachineWanted {
  readonly name: string;
  readonly address: string;
  readonly mbit: number;
}

export class Network {
  readonly #machines: readonly MachineWanted[];
  readonly #children = new Set<ChildProcess>();

  constructor(machines: readonly MachineWanted[]) {
    this.#machines = machines;
    this.#remove();
    run(`ip link add ${bridge} type bridge`, `ip link set ${bridge} up`, `ip addr add 10.78.255.254/16 dev ${bridge}`);
    for (const [index, machine] of machines.entries()) this.#add(machine, `dnb${index}`);
  }

  #add({ name, address, mbit }: MachineWanted, outer: string): void {
    const shape = `root tbf rate ${mbit}mbit burst 256kb latency 100ms`;
    run(
      `ip netns add ${name}`,
      `ip link add ${outer} type veth peer name eth0 netns ${name}`,
      `ip link set ${outer} master ${bridge} up`,
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
    this.#children.add(child);
    return child;
  }

  /** Bytes that a machine has sent since it was made, headers counted. */
  sentBytes(machine: string): number {
    const index = this.#machines.findIndex(({ name }) => name === machine);
    return Number(readFileSync(`/sys/class/net/dnb${index}/statistics/rx_bytes`, "utf8"));
  }

  close(): void {
    this.#remove();
  }

  #remove(): void {
    for (const { pid } of this.#children) if (pid !== undefined) endGroup(pid);
    this.#children.clear();
    for (const { name } of this.#machines) {
      for (const pid of tryRun(`ip netns pids ${name}`).split(/\s+/)) if (pid !== "") tryKill(Number(pid));
      tryRun(`ip netns del ${name}`);
    }
    tryRun(`ip link del ${bridge}`);
  }
}

function run(...commands: readonly string[]): void {
  for (const command of commands) execFileSync("sh", ["-c", command], { stdio: ["ignore", "ignore", "pipe"] });
}

function tryRun(command: string): string {
  try {
    return execFileSync("sh", ["-c", `${command} 2>/dev/null`], { encoding: "utf8" });
  } catch {
    return "";
  }
}

function endGroup(pid: number): void {
  tryKill(-pid);
}

function tryKill(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // It ended by itself.
  }
}
