/** The processes of this benchmark: started with room for their descriptors, and what the kernel counts of them. */

import { spawn, type ChildProcess } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";

const ticksPerSecond = 100;

/** Starts Node on a script with at least `descriptors` files open at a time; `stdio` 3 is a channel for messages. */
export function startNode(argv: readonly string[], descriptors: number, logFile: string): ChildProcess {
  const quoted = [process.execPath, ...argv].map((word) => `'${word.replaceAll("'", String.raw`'\''`)}'`).join(" ");
  const refusal = `cannot open ${descriptors} files at a time (the limit is $(ulimit -Hn)): raise it, for instance with prlimit --nofile=${descriptors} as root`;
  const command = `[ "$(ulimit -Hn)" = unlimited ] || [ "$(ulimit -Hn)" -ge ${descriptors} ] || ulimit -Hn ${descriptors} 2>/dev/null || { echo "${refusal}" >&2; exit 3; }; ulimit -Sn ${descriptors}; exec ${quoted} >>'${logFile}' 2>&1`;
  return spawn("sh", ["-c", command], { stdio: ["ignore", "ignore", "inherit", "ipc"] });
}

export interface ProcessFigures {
  readonly atMs: number;
  readonly cpuSeconds: number;
  /** The thread that runs JavaScript: control, matching and sending; the others are the pool and the collector. */
  readonly mainThreadCpuSeconds: number;
  /** Time in which that thread could have run but others had the cores: how noisy the machine was. */
  readonly mainThreadWaitedSeconds: number;
  readonly residentBytes: number;
  readonly residentBytesMost: number;
}

export function figuresOf(pid: number): ProcessFigures {
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  const field = (name: string): number => Number(new RegExp(`^${name}:\\s+(\\d+)`, "m").exec(status)?.[1] ?? 0) * 1024;
  let all = 0;
  for (const thread of readdirSync(`/proc/${pid}/task`)) all += cpuSeconds(`/proc/${pid}/task/${thread}/stat`);
  return {
    atMs: performance.now(),
    cpuSeconds: all,
    mainThreadCpuSeconds: cpuSeconds(`/proc/${pid}/task/${pid}/stat`),
    mainThreadWaitedSeconds: Number(readFileSync(`/proc/${pid}/task/${pid}/schedstat`, "utf8").split(" ")[1]) / 1e9,
    residentBytes: field("VmRSS"),
    residentBytesMost: field("VmHWM"),
  };
}

function cpuSeconds(stat: string): number {
  try {
    const fields = readFileSync(stat, "utf8").split(") ")[1]!.split(" ");
    return (Number(fields[11]) + Number(fields[12])) / ticksPerSecond;
  } catch {
    return 0;
  }
}
