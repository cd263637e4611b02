/**
 * CPU seconds of all processes that this one starts, ended ones too, by a cgroup (version 2) of its
 * own. This process goes into it once, so that its children are born there: moving each child would
 * hold up the starts. What it uses itself is taken off.
 */

import { mkdirSync, readdirSync, readFileSync, rmdirSync, writeFileSync } from "node:fs";

export class ProcessCpu {
  readonly #group: string | undefined;
  readonly #home: string | undefined;

  constructor() {
    const mount = /^\S+ (\S+) cgroup2 /m.exec(readFileSync("/proc/mounts", "utf8"))?.[1];
    if (mount === undefined) return;
    const home = mount + (/^0::(.*)$/m.exec(readFileSync("/proc/self/cgroup", "utf8"))?.[1] ?? "/");
    const prefix = "darner-bench-";
    // Only empty ones go: those of runs that were killed.
    for (const name of readdirSync(mount)) if (name.startsWith(prefix)) tryRemove(`${mount}/${name}`);
    const group = `${mount}/${prefix}${process.pid}`;
    try {
      mkdirSync(group, { recursive: true });
      writeFileSync(`${group}/cgroup.procs`, String(process.pid));
    } catch {
      // A container may not let us; the machine's own count is there still.
      tryRemove(group);
      return;
    }
    this.#group = group;
    this.#home = home;
  }

  /** Seconds so far; undefined where no cgroup can be made. */
  usedSeconds(): number | undefined {
    if (this.#group === undefined) return undefined;
    const all = /^usage_usec (\d+)$/m.exec(readFileSync(`${this.#group}/cpu.stat`, "utf8"))?.[1];
    if (all === undefined) return undefined;
    const { user, system } = process.cpuUsage();
    return (Number(all) - user - system) / 1e6;
  }

  /** All children must have ended. */
  close(): void {
    if (this.#group === undefined) return;
    try {
      writeFileSync(`${this.#home}/cgroup.procs`, String(process.pid));
    } catch {
      // Not let back, so it stays where it is until it ends.
    }
    tryRemove(this.#group);
  }
}

function tryRemove(group: string): void {
  try {
    rmdirSync(group);
  } catch {
    // Something in it is still ending; an empty group costs nothing.
  }
}
