/**
 * What the rows stand on: a folder in memory, an nginx, Darner's own processes, and commands whose time
 * and CPU the kernel counts. Everything that was started ends with `close`, by its process id.
 *
 * CPU of a command is what its shell's `times` tells (getrusage of the ended children), that of a
 * running process the user and system ticks of /proc/PID/stat, all its threads together.
 */

import { execFileSync, spawn, spawnSync, type ChildProcess } from "node:child_process";
import { randomFillSync } from "node:crypto";
import { once } from "node:events";
import {
  chmodSync,
  closeSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  statfsSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { createServer } from "node:net";

export const root = new URL("../..", import.meta.url).pathname.replace(/\/$/, "");
const ticksPerSecond = 100;
const readyMsMax = 20_000;

export interface Timed {
  readonly seconds: number;
  readonly cpuSeconds: number;
}

export interface Started {
  readonly pid: number;
  readonly port: number;
  readonly folder: string;
}

export class Ground {
  readonly folder = mkdtempSync("/dev/shm/bench-path-");
  readonly #children = new Set<ChildProcess>();
  /** Gives what Darner's processes and commands find of this user. */
  readonly environment: NodeJS.ProcessEnv;
  #isMounted = false;

  constructor() {
    this.#furnish();
    this.environment = {
      PATH: `${process.env["PATH"] ?? ""}:/usr/sbin:/sbin`,
      HOME: `${this.folder}/home`,
      XDG_RUNTIME_DIR: `${this.folder}/home`,
      DARNER_SOCKET: `${this.folder}/no-daemon.sock`,
    };
  }

  #furnish(): void {
    // nginx's worker is another user.
    chmodSync(this.folder, 0o755);
    mkdirSync(`${this.folder}/www`);
    mkdirSync(`${this.folder}/home`);
  }

  /**
   * Where memory's file system is not as long as so many bytes of holes, one that is; holes take no
   * memory. Before anything is put here; wants root.
   */
  roomForHoles(bytes: number): void {
    const { bavail, bsize } = statfsSync(this.folder);
    if (bavail * bsize >= bytes) return;
    execFileSync("mount", ["-t", "tmpfs", "-o", `size=${bytes}`, "darner-bench", this.folder]);
    this.#isMounted = true;
    this.#furnish();
  }

  /** Random bytes under the web root. */
  serve(name: string, sizeBytes: number): void {
    const chunk = Buffer.allocUnsafe(16 * 1024 * 1024);
    const file = openSync(`${this.folder}/www/${name}`, "w");
    for (let left = sizeBytes; left > 0; left -= chunk.length)
      writeSync(file, randomFillSync(chunk), 0, Math.min(left, chunk.length));
    closeSync(file);
  }

  /** One process, so that its end is the end of it; the root of `serve`. */
  async nginx(core?: number): Promise<Started> {
    const port = await freePort();
    const config = `${this.folder}/nginx.conf`;
    writeFileSync(config, nginxConfig(this.folder, `127.0.0.1:${port}`));
    const child = this.start(["nginx", "-c", config], core);
    await until(() => answers(port), "nginx listens");
    return { pid: child.pid!, port, folder: this.folder };
  }

  /** A cluster manager or a daemon, ready. */
  async darner(role: "cluster-manager" | "daemon", flags: readonly string[], core?: number): Promise<Started> {
    const port = await freePort();
    const folder = mkdtempSync(`${this.folder}/${role}-`);
    const socket = role === "daemon" ? ["--socket", `${folder}/d.sock`] : [];
    const trust = flags.includes("--trust") ? [] : ["--trust", "off"];
    const place = ["--listen", `127.0.0.1:${port}`, "--data-dir", `${folder}/data`, ...trust];
    const child = this.start([`${root}/bin/darner`, role, ...place, ...socket, ...flags], core, `${folder}/log`);
    await until(() => answers(port, "/readyz"), `${role} is ready`);
    return { pid: child.pid!, port, folder };
  }

  start(command: readonly string[], core?: number, log = `${this.folder}/log`): ChildProcess {
    const output = openSync(log, "a");
    const [program, ...flags] = core === undefined ? command : ["taskset", "-c", String(core), ...command];
    const child = spawn(program!, flags, { env: this.environment, stdio: ["ignore", output, output] });
    closeSync(output);
    this.#children.add(child);
    child.once("exit", () => this.#children.delete(child));
    return child;
  }

  /** Runs a command to its end; throws when it fails. */
  async time(
    command: readonly string[],
    options: { readonly core?: number; readonly input?: string } = {},
  ): Promise<Timed> {
    const pinned = options.core === undefined ? command : ["taskset", "-c", String(options.core), ...command];
    const child = spawn("bash", ["-c", 'TIMEFORMAT="%3R %3U %3S"; time "$@"', "timed", ...pinned], {
      cwd: this.folder,
      env: this.environment,
      stdio: [options.input === undefined ? "ignore" : "pipe", "ignore", "pipe"],
    });
    this.#children.add(child);
    child.stdin?.end(options.input);
    let errors = "";
    child.stderr!.setEncoding("utf8").on("data", (text: string) => (errors += text));
    const [status] = (await once(child, "close")) as [number];
    this.#children.delete(child);
    if (status !== 0)
      throw new Error(`${command.join(" ").slice(0, 200)} ended with ${status}: ${errors.slice(-1000)}`);
    const [seconds, user, system] = errors.trim().split("\n").at(-1)!.split(" ").map(Number);
    return { seconds: seconds!, cpuSeconds: user! + system! };
  }

  /** Ends one process. */
  async end({ pid }: { readonly pid: number }): Promise<void> {
    const child = [...this.#children].find((each) => each.pid === pid);
    if (child === undefined) return;
    child.kill();
    await once(child, "exit");
  }

  remove(name: string): void {
    rmSync(`${this.folder}/${name}`, { recursive: true, force: true });
  }

  close(): void {
    for (const child of this.#children) child.kill("SIGKILL");
    // Lazily: those who were killed may still be on their way out.
    if (this.#isMounted) execFileSync("umount", ["--lazy", this.folder]);
    rmSync(this.folder, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 });
  }
}

export function nginxConfig(folder: string, listen: string): string {
  return `worker_processes 1; daemon off; master_process off; pid ${folder}/nginx.pid; error_log ${folder}/nginx.err; events { worker_connections 4096; } http { access_log off; sendfile on; keepalive_requests 10000000; server { listen ${listen}; root ${folder}/www; } }`;
}

export function cpuSecondsOf(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]!.split(" ");
  return (Number(fields[11]) + Number(fields[12])) / ticksPerSecond;
}

export function residentBytesOf(pid: number, field: "VmRSS" | "VmHWM" | "RssAnon" = "VmRSS"): number {
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  return Number(new RegExp(`^${field}:\\s+(\\d+)`, "m").exec(status)?.[1]) * 1024;
}

/** Delay of a role's event loop since it was last asked, sampled every 50 ms. */
export async function loopDelayP99Ms(port: number): Promise<number> {
  const text = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
  return Math.max(0, Number(/^nodejs_eventloop_lag_p99_seconds ([\d.e-]+)/m.exec(text)?.[1]) * 1000 - 50);
}

/** Drops the pages of nobody, and lets the machine come to rest. */
export const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

export async function until(holds: () => Promise<boolean> | boolean, what: string): Promise<void> {
  const endMs = performance.now() + readyMsMax;
  while (!(await holds())) {
    if (performance.now() > endMs) throw new Error(`not within ${readyMsMax / 1000} s: ${what}`);
    await pause(20);
  }
}

async function answers(port: number, path = "/"): Promise<boolean> {
  try {
    const { status } = await fetch(`http://127.0.0.1:${port}${path}`);
    return path === "/" || status === 200;
  } catch {
    return false;
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, "close");
  return port;
}

/** What `npm ci` leaves behind: the bundles, and a compile cache that has seen them. */
export function bundleDarner(environment: NodeJS.ProcessEnv): void {
  execFileSync(process.execPath, ["tools/bundle.ts"], { cwd: root, stdio: ["ignore", "ignore", "inherit"] });
  for (let start = 0; start < 2; start++) spawnSync(`${root}/bin/dfget`, ["--help"], { env: environment });
}
