/**
 * A whole cluster for one test: an origin in this process; managers, daemons and dfget as processes of
 * their own, started through bin/ on free ports of loopback, in a folder that goes with the test.
 */

import assert from "node:assert/strict";
import { spawn, type ChildProcess } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import * as fs from "node:fs";
import * as http from "node:http";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { newSigningKey, signingKeyFromPem } from "#platform/keys/signing.ts";
import { endAll, endsWithTest } from "../ending.ts";
import { assertSound } from "./faults.ts";
import { contentDigest, contentOf, startTestOrigin, type ObjectScript, type TestOrigin } from "../origin/mod.ts";

const root = dirname(dirname(import.meta.dirname));
const readyMsMax = 20_000;
const dfgetMsMax = 60_000;

export interface Outcome {
  readonly status: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stderr: string;
  readonly stdout: string;
  readonly ms: number;
}

export interface Dfget {
  readonly child: ChildProcess;
  readonly output: string;
  readonly outcome: Promise<Outcome>;
}

export interface DfgetOptions {
  /** Put before the command, such as `setpriv --reuid 1234`. */
  readonly before?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
}

interface Answer {
  readonly status: number;
  readonly text: string;
}

/** One request on a fresh connection, over TCP or a unix socket. */
export function ask(
  to: { readonly port: number } | { readonly socketPath: string },
  path: string,
  put?: unknown,
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const body = put === undefined ? undefined : JSON.stringify(put);
    const headers = body === undefined ? {} : { "content-type": "application/json", "content-length": body.length };
    const method = body === undefined ? "GET" : "PUT";
    const options = { host: "127.0.0.1", ...to, path, method, headers, agent: false, timeout: 5000 };
    const request = http.request(options, (response) => {
      let text = "";
      response.setEncoding("utf8");
      response.on("data", (chunk: string) => (text += chunk));
      response.on("end", () => resolve({ status: response.statusCode ?? 0, text }));
      response.on("error", reject);
    });
    request.on("timeout", () => request.destroy(new Error("no answer in time")));
    request.on("error", reject);
    request.end(body);
  });
}

/** A manager or a daemon: one process, which may be ended and started again as the same member. */
export class Role {
  readonly name: string;
  readonly socketPath: string;
  readonly dataDirectory: string;
  readonly #command: string;
  readonly #flags: readonly string[];
  readonly #environment: NodeJS.ProcessEnv;
  #child: ChildProcess | undefined;
  #log = "";
  port = 0;

  constructor(name: string, command: string, folder: string, flags: readonly string[], environment: NodeJS.ProcessEnv) {
    this.name = name;
    this.#command = command;
    this.#flags = flags;
    this.#environment = environment;
    this.socketPath = join(folder, `${name}.sock`);
    this.dataDirectory = join(folder, name);
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  /** As the cluster knows it; of a role that never started, as it will. */
  get id(): string {
    const folder = join(this.dataDirectory, this.#command);
    const path = join(folder, "key.pem");
    if (!fs.existsSync(path)) {
      fs.mkdirSync(folder, { recursive: true, mode: 0o700 });
      fs.writeFileSync(path, newSigningKey().exportPem(), { mode: 0o600 });
    }
    return signingKeyFromPem(fs.readFileSync(path, "utf8")).id;
  }

  get pid(): number {
    const pid = this.#child?.pid;
    assert(pid !== undefined, `${this.name} runs`);
    return pid;
  }

  /** Everything it ever wrote to standard error. */
  get log(): string {
    return this.#log;
  }

  /** Its log lines with this event, so far: a line may come later than what it tells of. */
  entries(event: string): Record<string, unknown>[] {
    const lines = this.#log.split("\n").filter((line) => line.startsWith("{") && line.endsWith("}"));
    return lines.map((line) => JSON.parse(line) as Record<string, unknown>).filter((entry) => entry["event"] === event);
  }

  /** Its log lines with this event once there are so many. */
  async logged(event: string, count = 1): Promise<Record<string, unknown>[]> {
    await this.until(() => this.entries(event).length >= count, `it logs ${event} ${count} times`);
    return this.entries(event);
  }

  /** Starts it, again on the same port when it ran before; resolves when `path` answers 200. */
  async start(path = "/readyz"): Promise<this> {
    const before = this.entries("role.started").length;
    const proxy = this.#flags.includes("--proxy-listen") ? [] : ["--proxy-listen", "off"];
    const socket = this.#command === "daemon" ? ["--socket", this.socketPath, ...proxy] : [];
    const place = ["--listen", `127.0.0.1:${this.port}`, "--data-dir", this.dataDirectory];
    const child = spawn(join(root, "bin/darner"), [this.#command, ...place, ...socket, ...this.#flags], {
      env: this.#environment,
      stdio: ["ignore", "ignore", "pipe"],
    });
    endsWithTest(child);
    this.#child = child;
    child.stderr.setEncoding("utf8").on("data", (text: string) => (this.#log += text));
    await this.until(() => this.entries("role.started").length > before, "it says that it has started");
    const [, port] = /:(\d+)$/.exec(String(this.entries("role.started").at(-1)!["url"]))!;
    this.port = Number(port);
    await this.until(async () => (await this.get(path)).status === 200, `${path} answers 200`);
    return this;
  }

  async until(holds: () => boolean | Promise<boolean>, what: string, msMax = readyMsMax): Promise<void> {
    const whatAndLog = (): string => `${this.name}: ${what}; its log ends with\n${this.#log.slice(-2000)}\n:`;
    await until(holds, whatAndLog, msMax, () => {
      const { exitCode, signalCode } = this.#child ?? {};
      assert(exitCode === null && signalCode === null, `${this.name} runs: ${this.#log.slice(-2000)}`);
    });
  }

  get(path: string): Promise<Answer> {
    return ask({ port: this.port }, path).catch((error: Error) => ({ status: 0, text: error.message }));
  }

  /** A gauge; `labels` as Prometheus writes them: `limit="download"`. */
  async metric(name: string, labels = ""): Promise<number> {
    const { text } = await this.get("/metrics");
    return metricIn(text, name, labels);
  }

  async change(setting: string, value: string): Promise<void> {
    const to = this.#command === "daemon" ? { socketPath: this.socketPath } : { port: this.port };
    const { status, text } = await ask(to, `/v1/settings/${setting}`, { value });
    assert.equal(status, 200, text);
  }

  signal(signal: NodeJS.Signals): void {
    this.#child?.kill(signal);
  }

  /** Ends it with this signal and waits for the end. */
  async end(signal: NodeJS.Signals = "SIGTERM"): Promise<void> {
    const child = this.#child;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const closed = once(child, "close");
    child.kill("SIGCONT");
    child.kill(signal);
    const timer = setTimeout(() => child.kill("SIGKILL"), 5000);
    await closed;
    clearTimeout(timer);
  }
}

export function metricIn(text: string, name: string, labels = ""): number {
  const head = labels === "" ? `${name} ` : `${name}{${labels}} `;
  const line = text.split("\n").find((candidate) => candidate.startsWith(head));
  assert(line !== undefined, `${head} is told`);
  return Number(line.slice(head.length));
}

export async function until(
  holds: () => boolean | Promise<boolean>,
  what: string | (() => string),
  msMax = readyMsMax,
  check: () => void = () => undefined,
): Promise<void> {
  const endMs = performance.now() + msMax;
  while (!(await holds())) {
    check();
    if (performance.now() > endMs) assert.fail(`${typeof what === "string" ? what : what()} within ${msMax} ms`);
    await delay(10);
  }
}

export class Cluster {
  readonly folder = fs.mkdtempSync(join(tmpdir(), "darner-cluster-"));
  readonly origin: TestOrigin;
  readonly #roles: Role[] = [];
  readonly #dfgets = new Set<Dfget>();
  readonly #scripts = new Map<string, ObjectScript>();
  readonly #expected = new Set<string>();
  /** More for the environment of whatever is started from now on. */
  environment: Readonly<Record<string, string>> = {};

  private constructor(origin: TestOrigin) {
    this.origin = origin;
    fs.mkdirSync(this.path(".home"), { mode: 0o700 });
  }

  static async start(options: Parameters<typeof startTestOrigin>[0] = {}): Promise<Cluster> {
    return new Cluster(await startTestOrigin(options));
  }

  path(name: string): string {
    return join(this.folder, name);
  }

  /** Serves an object and returns its URL. */
  serve(path: string, script: ObjectScript): string {
    this.#scripts.set(path, script);
    this.origin.serve(path, script);
    return this.origin.url(path);
  }

  async manager(name = "manager", flags: readonly string[] = []): Promise<Role> {
    return await this.role(name, "cluster-manager", flags).start();
  }

  async daemon(name: string, manager: Role | undefined, flags: readonly string[] = []): Promise<Role> {
    const cluster = manager === undefined ? [] : ["--manager", manager.url];
    return await this.role(name, "daemon", [...cluster, ...flags]).start();
  }

  /** `h1`, `h2` ... */
  daemons(count: number, manager: Role, flags: readonly string[] = []): Promise<Role[]> {
    return Promise.all(Array.from({ length: count }, (_, index) => this.daemon(`h${index + 1}`, manager, flags)));
  }

  async configService(flags: readonly string[] = []): Promise<Role> {
    return await this.role("config", "config-service", flags).start();
  }

  /** `m1`, `m2` ... which the config service tells hosts of. */
  async managers(count: number, config: Role, flags: readonly string[] = []): Promise<Role[]> {
    const all = ["--config-service", config.url, ...flags];
    const names = Array.from({ length: count }, (_, index) => `m${index + 1}`);
    const managers = await Promise.all(names.map((name) => this.manager(name, all)));
    const listed = async (): Promise<number> =>
      (JSON.parse((await config.get("/v1/managers")).text) as { managers: unknown[] }).managers.length;
    await config.until(async () => (await listed()) === count, "every manager is listed");
    return managers;
  }

  /** One that is not started yet. */
  role(name: string, command: "cluster-manager" | "daemon" | "config-service", flags: readonly string[]): Role {
    const role = new Role(name, command, this.folder, flags, this.#environment());
    this.#roles.push(role);
    return role;
  }

  /** dfget through a daemon (or alone) into the output of that name in the cluster's folder. */
  dfget(host: Role | undefined, url: string, name: string, flags: readonly string[] = [], options: DfgetOptions = {}) {
    const output = name.startsWith("/") || name === "-" ? name : this.path(name);
    return this.#dfget(host, output, ["-O", output, ...flags, url], options);
  }

  /** dfget of a list, with these flags, through a daemon. */
  dfgetList(host: Role, flags: readonly string[], options: DfgetOptions = {}): Dfget {
    return this.#dfget(host, "", flags, options);
  }

  #dfget(host: Role | undefined, output: string, flags: readonly string[], options: DfgetOptions): Dfget {
    const socket = host === undefined ? [] : ["--socket", host.socketPath];
    const [command, ...rest] = [...(options.before ?? []), join(root, "bin/dfget"), ...socket];
    const startedMs = performance.now();
    const child = spawn(command!, [...rest, ...flags], {
      cwd: this.folder,
      env: { ...this.#environment(), ...options.environment },
      stdio: ["ignore", "pipe", "pipe"],
    });
    endsWithTest(child);
    const timer = setTimeout(() => child.kill("SIGKILL"), dfgetMsMax);
    let [stdout, stderr] = ["", ""];
    child.stdout.setEncoding("latin1").on("data", (text: string) => (stdout += text));
    child.stderr.setEncoding("utf8").on("data", (text: string) => (stderr += text));
    const outcome = once(child, "close").then(([status, signal]) => {
      clearTimeout(timer);
      const ms = performance.now() - startedMs;
      return { status, signal, stdout, stderr, ms };
    });
    const dfget: Dfget = { child, output, outcome };
    this.#dfgets.add(dfget);
    return dfget;
  }

  /** The same object to every host, into `<host>.out`; resolves when all have ended. */
  async toAll(hosts: readonly Role[], url: string, flags: readonly string[] = []): Promise<Outcome[]> {
    return await Promise.all(hosts.map((host) => this.dfget(host, url, `${host.name}.out`, flags).outcome));
  }

  /** It went well, and the output is the object that the path serves (or a later version of it). */
  assertIntact(outcome: Outcome, output: string, path: string, version = 1): void {
    assert.equal(outcome.status, 0, `dfget of ${output}: ${outcome.stderr}`);
    const found = digestOf(fs.readFileSync(output.startsWith("/") ? output : this.path(output)));
    assert.equal(found, this.digest(path, version), `${output} is the object`);
  }

  /** SHA-256 of what the path serves. */
  digest(path: string, version = 1): string {
    return contentDigest(contentOf(this.#scripts.get(path)!, version), "sha256");
  }

  /** The test does what makes processes log these events; of others that tell of a fault `end` throws. */
  expects(...events: readonly string[]): void {
    for (const event of events) this.#expected.add(event);
  }

  async end(): Promise<void> {
    for (const { child } of this.#dfgets) if (child.exitCode === null) child.kill("SIGKILL");
    await endAll(
      () => Promise.all([...this.#dfgets].map(({ outcome }) => outcome)),
      () => Promise.all(this.#roles.map((role) => role.end("SIGKILL"))),
      () => this.origin.close(),
      () => fs.rmSync(this.folder, { recursive: true, force: true }),
      () => assertSound(this.#roles, this.#expected),
    );
  }

  #environment(): NodeJS.ProcessEnv {
    const home = this.path(".home");
    return {
      PATH: process.env["PATH"],
      HOME: home,
      XDG_RUNTIME_DIR: home,
      DARNER_SOCKET: join(home, "no-daemon.sock"),
      NODE_COMPILE_CACHE: join(tmpdir(), "darner-test-cache"),
      ...this.environment,
    };
  }
}

export function digestOf(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

/** Tells a story in a cluster of its own. */
export async function inCluster(
  tell: (cluster: Cluster) => Promise<void>,
  options: Parameters<typeof startTestOrigin>[0] = {},
): Promise<void> {
  const cluster = await Cluster.start(options);
  try {
    await tell(cluster);
  } finally {
    await cluster.end();
  }
}
