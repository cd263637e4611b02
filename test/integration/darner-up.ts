/** A `darner up` of a test's own: a real process on free ports, in a folder that goes with it. */

import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { endsWithTest } from "../ending.ts";

const root = dirname(dirname(import.meta.dirname));
const startMsMax = 30_000;
const runMsMax = 30_000;

export interface Ended {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A folder, and the processes that a test starts in it; `remove` ends what still runs. */
export class Place {
  readonly folder = mkdtempSync(join(tmpdir(), "darner-up-"));
  readonly #children = new Set<ChildProcess>();

  constructor() {
    mkdirSync(this.path("home"), { mode: 0o700 });
  }

  path(name: string): string {
    return join(this.folder, name);
  }

  get #environment(): NodeJS.ProcessEnv {
    return {
      PATH: process.env["PATH"],
      HOME: this.path("home"),
      NODE_COMPILE_CACHE: join(tmpdir(), "darner-test-cache"),
    };
  }

  /** Starts `bin/darner` with these words; what it said so far, and its end, can be asked for. */
  start(program: "darner" | "dfget", words: readonly string[]): Running {
    const child = spawn(join(root, "bin", program), words, { cwd: this.folder, env: this.#environment });
    this.#children.add(child);
    endsWithTest(child);
    const running = new Running(child);
    void running.ended.then(() => this.#children.delete(child));
    return running;
  }

  async run(program: "darner" | "dfget", ...words: string[]): Promise<Ended> {
    const running = this.start(program, words);
    const timer = setTimeout(() => running.child.kill("SIGKILL"), runMsMax);
    const ended = await running.ended;
    clearTimeout(timer);
    return ended;
  }

  /** Runs `darner up` on free ports, with its socket at `s`; resolves when it has said what to do next. */
  async up(...words: string[]): Promise<UpRunning> {
    const ports = ["config-service", "cluster-manager", "daemon"].flatMap((role) => [`--${role}-port`, "0"]);
    const own = [
      "--proxy-listen",
      "127.0.0.1:0",
      "--data-dir",
      this.path("data"),
      "--socket",
      this.path("s"),
      "--log-level",
      "info",
    ];
    const running = this.start("darner", ["up", ...ports, ...own, ...words]);
    const text = await running.until(/Ctrl-C ends all of it\.\n/);
    const url = (role: string): string =>
      new RegExp(`^ {2}${role} +(https?://\\S+?),?(?: |$)`, "m").exec(text)?.[1] ?? "";
    return {
      running,
      text,
      configService: url("config service"),
      manager: url("cluster manager"),
      daemon: url("host daemon"),
      socket: this.path("s"),
    };
  }

  async remove(): Promise<void> {
    for (const child of this.#children) child.kill("SIGKILL");
    await Promise.all([...this.#children].map((child) => once(child, "close")));
    rmSync(this.folder, { recursive: true, force: true });
  }
}

export interface UpRunning {
  readonly running: Running;
  readonly text: string;
  readonly configService: string;
  readonly manager: string;
  readonly daemon: string;
  readonly socket: string;
}

export class Running {
  readonly child: ChildProcess;
  readonly ended: Promise<Ended>;
  stdout = "";
  stderr = "";

  constructor(child: ChildProcess) {
    this.child = child;
    child.stdout?.on("data", (bytes: Buffer) => (this.stdout += bytes.toString()));
    child.stderr?.on("data", (bytes: Buffer) => (this.stderr += bytes.toString()));
    this.ended = once(child, "close").then(([status]) => ({
      status: status as number | null,
      stdout: this.stdout,
      stderr: this.stderr,
    }));
  }

  /** Resolves to what was said on standard output or error once `pattern` is in it. */
  async until(pattern: RegExp): Promise<string> {
    const deadlineMs = performance.now() + startMsMax;
    for (;;) {
      const said = `${this.stdout}\n${this.stderr}`;
      if (pattern.test(said)) return said;
      if (performance.now() > deadlineMs || this.child.exitCode !== null) {
        throw new Error(`nothing like ${pattern.source} was said: ${said}`);
      }
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }

  async stop(): Promise<Ended & { readonly tookMs: number }> {
    const startedMs = performance.now();
    this.child.kill("SIGINT");
    const ended = await this.ended;
    return { ...ended, tookMs: performance.now() - startedMs };
  }
}
