/** Runs bin/dfget as a user would, in a folder of its own, far from this machine's daemon and settings. */

import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import * as fs from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { endsWithTest } from "../ending.ts";

const root = dirname(dirname(import.meta.dirname));
const runMsMax = 30_000;

export interface Outcome {
  readonly status: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: Buffer;
  readonly stderr: string;
}

export interface RunOptions {
  readonly input?: string;
  readonly environment?: Readonly<Record<string, string>>;
  /** Called with the process as soon as it runs. */
  readonly meanwhile?: (child: ChildProcess) => Promise<void> | void;
  /** Runs it under `sh -c`, with `"$@"` standing for the command. */
  readonly shell?: string;
}

export class Desk {
  readonly folder = fs.mkdtempSync(join(tmpdir(), "dfget-test-"));

  path(name: string): string {
    return join(this.folder, name);
  }

  read(name: string): Buffer {
    return fs.readFileSync(this.path(name));
  }

  /** All names, hidden ones too, but not the runner's own. */
  names(): string[] {
    return fs
      .readdirSync(this.folder)
      .filter((name) => name !== ".home")
      .sort();
  }

  async dfget(flags: readonly string[], options: RunOptions = {}): Promise<Outcome> {
    const command = [join(root, "bin/dfget"), ...flags];
    const argv = options.shell === undefined ? command : ["sh", "-c", options.shell, "sh", ...command];
    const home = this.path(".home");
    const child = spawn(argv[0]!, argv.slice(1), {
      cwd: this.folder,
      env: {
        PATH: process.env["PATH"],
        HOME: home,
        XDG_RUNTIME_DIR: home,
        DARNER_SOCKET: join(home, "no-daemon.sock"),
        NODE_COMPILE_CACHE: join(tmpdir(), "darner-test-cache"),
        ...options.environment,
      },
    });
    endsWithTest(child);
    const timer = setTimeout(() => child.kill("SIGKILL"), runMsMax);
    const stdout: Buffer[] = [];
    let stderr = "";
    child.stdout.on("data", (chunk: Buffer) => stdout.push(chunk));
    child.stderr.on("data", (chunk: Buffer) => (stderr += chunk.toString("utf8")));
    child.stdin.on("error", () => undefined).end(options.input ?? "");
    const closed = once(child, "close") as Promise<[number | null, NodeJS.Signals | null]>;
    try {
      await options.meanwhile?.(child);
    } catch (error) {
      child.kill("SIGKILL");
      child.stdout.resume();
      throw error;
    } finally {
      await closed.finally(() => clearTimeout(timer));
    }
    const [status, signal] = await closed;
    return { status, signal, stdout: Buffer.concat(stdout), stderr };
  }

  remove(): void {
    fs.rmSync(this.folder, { recursive: true, force: true });
  }
}
