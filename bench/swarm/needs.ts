/**
 * What the benchmark takes from Debian: which command or module stands for which package, what of it
 * is missing here, and how it is fetched when the user asks for that.
 */

import { spawnSync } from "node:child_process";

export interface Need {
  readonly package: string;
  /** A shell command that succeeds when it is there. */
  readonly check: string;
}

const command = (name: string): string => `command -v ${name}`;

/** Debian's own Python, not one that lies before it in the path: the module is built for that one. */
export const python = "/usr/bin/python3";

export const needs = {
  ip: { package: "iproute2", check: `${command("ip")} && ${command("tc")}` },
  ethtool: { package: "ethtool", check: command("ethtool") },
  nginx: { package: "nginx-light", check: command("nginx") },
  curl: { package: "curl", check: command("curl") },
  aria2: { package: "aria2", check: command("aria2c") },
  openssl: { package: "openssl", check: command("openssl") },
  taskset: { package: "util-linux", check: command("taskset") },
  ps: { package: "procps", check: command("ps") },
  libtorrent: { package: "python3-libtorrent", check: `${python} -c 'import libtorrent'` },
} satisfies Record<string, Need>;

/** What every contender runs on. */
export const groundNeeds: readonly Need[] = [needs.ip, needs.ethtool, needs.nginx];

/** Root's sbin folders are not in every path. */
const env = { ...process.env, PATH: `${process.env["PATH"] ?? ""}:/usr/sbin:/sbin` };

export function missingPackages(wanted: readonly Need[]): string[] {
  const missing = wanted.filter(({ check }) => spawnSync("sh", ["-c", check], { env, timeout: 20_000 }).status !== 0);
  return [...new Set(missing.map((need) => need.package))];
}

/** apt-get's own words go to standard error. Throws when it fails. */
export function installPackages(packages: readonly string[]): void {
  aptGet(["update", "-qq"]);
  aptGet(["install", "-y", "-qq", "--no-install-recommends", ...packages]);
}

function aptGet(args: readonly string[]): void {
  const quiet = { ...env, DEBIAN_FRONTEND: "noninteractive" };
  const { status, error } = spawnSync("apt-get", args, { stdio: ["ignore", 2, 2], env: quiet, timeout: 600_000 });
  if (error !== undefined)
    throw new Error(`cannot install: apt-get does not start (${error.message}); this needs Debian`);
  if (status !== 0) throw new Error(`cannot install: "apt-get ${args.join(" ")}" ended with status ${status}`);
}
