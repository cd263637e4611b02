/** The machine's facts that go with every figure, and the medians that are quoted. */

import { cpus, release, totalmem } from "node:os";
import { readFileSync } from "node:fs";
import { execFileSync } from "node:child_process";

export interface MachineFacts {
  readonly date: string;
  readonly commit: string;
  readonly cpu: string;
  readonly cores: number;
  readonly shaExtensions: boolean;
  readonly memoryGiB: number;
  readonly kernel: string;
  readonly node: string;
}

export function machineFacts(): MachineFacts {
  const flags = /^flags\s*:(.*)$/m.exec(readFileSync("/proc/cpuinfo", "utf8"))?.[1] ?? "";
  return {
    date: new Date().toISOString().slice(0, 10),
    commit: commit(),
    cpu: cpus()[0]?.model ?? "unknown",
    cores: cpus().length,
    shaExtensions: / sha_ni\b/.test(flags),
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    kernel: release(),
    node: process.version,
  };
}

/** With a plus sign when the program is not quite what that commit holds. */
function commit(): string {
  const git = (...args: readonly string[]): string =>
    execFileSync("git", args, { cwd: import.meta.dirname, encoding: "utf8" }).trim();
  const name = git("rev-parse", "--short", "HEAD");
  return git("status", "--porcelain", "--", ":/src", ":/bin", ":/package.json") === "" ? name : `${name}+`;
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/** CPU seconds that the whole machine has spent, all but idle and waiting for disks. */
export function machineCpuSeconds(): number {
  const [user, nice, system, , , irq, softirq] = readFileSync("/proc/stat", "utf8")
    .split(/\s+/)
    .slice(1, 8)
    .map(Number);
  return (user! + nice! + system! + irq! + softirq!) / 100;
}
