/**
 * Where the demo plays: a temporary folder and real processes in it, far from this user's own daemon
 * and settings.
 *
 * 1. Whatever happens, `end` ends each process that was started here, by its id and within
 *    `endMsMax`, and then removes the folder.
 */

import { spawn, type ChildProcess } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { homedir, tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";

const root = dirname(dirname(import.meta.dirname));
/** The launcher's own place, so that a second run starts as fast as any command does. */
const compileCache =
  process.env["NODE_COMPILE_CACHE"] ?? join(process.env["XDG_CACHE_HOME"] ?? join(homedir(), ".cache"), "darner");
const startMsMax = 20_000;
const endMsMax = 4000;
const saidLinesMax = 20;

/** One line of JSON that a process said; what is in it depends on who speaks. */
export type SaidLine = Readonly<Record<string, unknown>>;

interface Actor {
  readonly child: ChildProcess;
  readonly ended: Promise<number | null>;
  /** The latest lines on standard error, for whoever asks why it ended. */
  readonly said: string[];
}

export class Stage {
  readonly folder: string;
  readonly #actors = new Set<Actor>();

  constructor() {
    this.folder = mkdtempSync(join(tmpdir(), "darner-demo-"));
    mkdirSync(this.path("home"), { mode: 0o700 });
    writeFileSync(this.path("settings.yaml"), "");
  }

  path(name: string): string {
    return join(this.folder, name);
  }

  /** A command that ends by itself; `hear` gets its lines. Rejects when it fails. */
  async run(command: readonly string[], hear: (line: SaidLine) => void = () => {}): Promise<void> {
    const actor = this.#start(command, hear);
    const status = await actor.ended;
    if (status !== 0) throw new Error(`${nameOf(command)} ended with ${status}: ${actor.said.join(" | ")}`);
  }

  /** A process that stays; resolves with the first line that `isReady` says yes to. */
  async serve(command: readonly string[], isReady: (line: SaidLine) => boolean): Promise<SaidLine> {
    const ready = Promise.withResolvers<SaidLine>();
    const actor = this.#start(command, (line) => {
      if (isReady(line)) ready.resolve(line);
    });
    const timer = setTimeout(
      () => ready.reject(new Error(`${nameOf(command)} did not start within ${startMsMax / 1000} s`)),
      startMsMax,
    );
    void actor.ended.then((status) =>
      ready.reject(new Error(`${nameOf(command)} ended with ${status}: ${actor.said.join(" | ")}`)),
    );
    try {
      return await ready.promise;
    } finally {
      clearTimeout(timer);
    }
  }

  async end(): Promise<void> {
    const actors = [...this.#actors];
    for (const { child } of actors) child.kill("SIGTERM");
    const all = Promise.all(actors.map(({ ended }) => ended));
    const timer = setTimeout(() => {
      for (const { child } of this.#actors) child.kill("SIGKILL");
    }, endMsMax);
    await all;
    clearTimeout(timer);
    rmSync(this.folder, { recursive: true, force: true });
  }

  #start(command: readonly string[], hear: (line: SaidLine) => void): Actor {
    const child = spawn(join(root, command[0]!), command.slice(1), {
      cwd: this.folder,
      stdio: ["ignore", "pipe", "pipe"],
      env: {
        PATH: process.env["PATH"],
        HOME: this.path("home"),
        NODE_COMPILE_CACHE: compileCache,
        DARNER_CONFIG: this.path("settings.yaml"),
      },
    });
    const said: string[] = [];
    const listen = (text: string): void => {
      const line = jsonLine(text);
      if (line !== undefined) return hear(line);
      said.push(text);
      if (said.length > saidLinesMax) said.shift();
    };
    createInterface({ input: child.stdout }).on("line", listen);
    createInterface({ input: child.stderr }).on("line", listen);
    const ended = new Promise<number | null>((resolve) => {
      child.on("error", (error) => {
        said.push(error.message);
        resolve(null);
      });
      child.on("close", resolve);
    });
    const actor = { child, ended, said };
    this.#actors.add(actor);
    void ended.then(() => this.#actors.delete(actor));
    return actor;
  }
}

const nameOf = (command: readonly string[]): string => command.slice(0, 2).join(" ");

function jsonLine(text: string): SaidLine | undefined {
  if (!text.startsWith("{")) return undefined;
  try {
    return JSON.parse(text) as SaidLine;
  } catch {
    return undefined;
  }
}
