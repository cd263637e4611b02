/**
 * `npm run bench:manager -- [--hosts N] [--mb SIZE] [--mbit R] [--seed-mbit R] [--origin-mbit R]
 * [--starving SHARE] [--arrive SECONDS] [--warm] [--cpu-prof FOLDER]`
 *
 * One real cluster manager under N connected hosts that all download one object at the same steady
 * rate, made by a load generator on loopback, while readers take pieces from it. Prints how long a
 * host that says it starves waits for the parents that answer it (from writing its report to reading
 * them, so the generator's own delays are counted in), what the manager spends, and what is said each
 * way; appends a line with the machine's facts to bench/results/manager.jsonl.
 *
 * The figures are of the steady time: from when the last host has joined and the manager has the whole
 * until the first host has it. With `--warm` the manager has the object before the hosts ask for it,
 * and all downloads begin when the last host has joined.
 */

import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { appendFileSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer, type AddressInfo } from "node:net";
import { readFlags } from "../flags.ts";
import { machineFacts } from "../machine.ts";
import type { HostCommand, HostNews, HostOrders } from "./hosts.ts";
import { startOrigin } from "./origin.ts";
import { figuresOf, startNode, type ProcessFigures } from "./processes.ts";
import type { ReaderOrders } from "./readers.ts";

const values = readFlags(import.meta.filename, {
  "hosts": { type: "string", default: "10000" },
  "mb": { type: "string", default: "200" },
  "mbit": { type: "string", default: "100" },
  "seed-mbit": { type: "string", default: "1000" },
  "origin-mbit": { type: "string", default: "1000" },
  "starving": { type: "string", default: "0.1" },
  "arrive": { type: "string", default: "5" },
  "readers": { type: "string", default: "8" },
  "processes": { type: "string", default: "2" },
  "warm": { type: "boolean", default: false },
  "cpu-prof": { type: "string" },
  "keep": { type: "boolean", default: false },
});
const root = new URL("../..", import.meta.url).pathname.replace(/\/$/, "");
const hosts = Number(values.hosts);
const sizeBytes = Number(values.mb) * 1e6;
const bytesPerSecond = (mbit: string): number => Number(mbit) * 125_000;
const generators = Math.min(Number(values.processes), hosts);
const folder = mkdtempSync("/tmp/bench-manager-");
const timeoutMs = 90_000;
const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
type Second = Extract<HostNews, { kind: "second" }>;
type Done = Extract<HostNews, { kind: "done" }>;

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  return port;
}

async function until(what: string, holds: () => boolean | Promise<boolean>): Promise<void> {
  const startMs = performance.now();
  while (!(await holds())) {
    if (performance.now() - startMs > timeoutMs) throw new Error(`waited ${timeoutMs / 1000} s for ${what}`);
    await pause(100);
  }
}

/** The processes that play hosts, as one. */
class Generators {
  readonly children;
  readonly seconds: (Second | undefined)[] = [];
  readonly done: Done[] = [];
  connected = 0;
  joined = 0;

  constructor(port: number, url: string) {
    const each = Math.ceil(hosts / generators);
    this.children = Array.from({ length: generators }, (_, number) => {
      const first = number * each;
      const count = Math.min(each, hosts - first);
      const orders: HostOrders = {
        first,
        count,
        port,
        url,
        rateBytesPerSecond: bytesPerSecond(values.mbit),
        starvingShare: Number(values.starving),
        arriveMs: Number(values.arrive) * 1000,
        together: values.warm,
      };
      const script = `${root}/bench/manager/hosts.ts`;
      const child = startNode([script, JSON.stringify(orders)], count + 256, `${folder}/hosts${number}.log`);
      child.on("message", (news: HostNews) => this.#heard(number, news));
      child.on("exit", (code) => {
        if (code !== null && code !== 0) fail(`a process of hosts ended with ${code}: ${logged(`hosts${number}.log`)}`);
      });
      return child;
    });
  }

  #heard(number: number, news: HostNews): void {
    if (news.kind === "connected") this.connected++;
    else if (news.kind === "joined") this.joined++;
    else if (news.kind === "second") this.seconds[number] = news;
    else if (news.kind === "done") this.done.push(news);
    else fail(news.reason);
  }

  command(command: HostCommand): void {
    for (const child of this.children) child.send(command);
  }

  sum(key: Exclude<keyof Second, "kind">): number {
    return this.seconds.reduce((sum, second) => sum + (second?.[key] ?? 0), 0);
  }
}

const started = new Set<ChildProcess>();
function logged(name: string): string {
  return readFileSync(`${folder}/${name}`, "utf8").trim().split("\n").slice(-5).join("\n");
}

function fail(reason: string): never {
  process.stderr.write(`${reason}\n`);
  process.exit(1);
}

interface TaskFacts {
  readonly task: string;
  readonly generation: string;
  readonly state: string;
  readonly pieceBytes: number;
}

async function taskOf(url: string): Promise<TaskFacts | undefined> {
  const { tasks } = (await (await fetch(`${url}/v1/tasks`)).json()) as { tasks: TaskFacts[] };
  return tasks[0];
}

/** Node samples every 50 ms and counts that in. */
async function loopDelayP99Ms(url: string): Promise<number> {
  const metrics = await (await fetch(`${url}/metrics`)).text();
  return Number(/^nodejs_eventloop_lag_p99_seconds ([\d.e-]+)/m.exec(metrics)?.[1] ?? NaN) * 1000 - 50;
}

async function uploadedBytes(url: string): Promise<number> {
  const metrics = await (await fetch(`${url}/metrics`)).text();
  return Number(/^darner_upload_bytes ([\d.e+]+)/m.exec(metrics)?.[1] ?? 0);
}

function startReaders(port: number, task: TaskFacts): ChildProcess {
  const orders: ReaderOrders = {
    port,
    task: task.task,
    generation: task.generation,
    pieceBytes: task.pieceBytes,
    pieces: Math.ceil(sizeBytes / task.pieceBytes),
    connections: Number(values.readers),
    rateBytesPerSecond: bytesPerSecond(values["seed-mbit"]),
  };
  const child = startNode([`${root}/bench/manager/readers.ts`, JSON.stringify(orders)], 1024, `${folder}/readers.log`);
  started.add(child);
  child.on("exit", (code) => {
    if (code !== null && code !== 0) fail(`the readers ended with ${code}: ${logged("readers.log")}`);
  });
  return child;
}

function quantile(sorted: readonly number[], share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? NaN;
}

async function run(): Promise<void> {
  const origin = await startOrigin(sizeBytes, bytesPerSecond(values["origin-mbit"]));
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const profile = values["cpu-prof"];
  const manager = startNode(
    [
      ...(profile === undefined ? [] : ["--cpu-prof", `--cpu-prof-dir=${profile}`]),
      `${root}/src/main.ts`,
      "cluster-manager",
      `--listen=127.0.0.1:${port}`,
      `--data-dir=${folder}/data`,
      "--trust=off",
      "--log-level=warn",
    ],
    hosts + 1024,
    `${folder}/manager.log`,
  );
  started.add(manager);
  manager.on("exit", (code) => {
    if (code !== null && code !== 0) fail(`the manager ended with ${code}: ${logged("manager.log")}`);
  });
  await until("the manager", async () => (await fetch(`${url}/metrics`).catch(() => undefined))?.ok === true);
  const pid = manager.pid!;
  const begun = figuresOf(pid);
  const load = new Generators(port, origin.url);
  for (const child of load.children) started.add(child);
  await until("all connections", () => load.connected === generators);
  const connected = figuresOf(pid);
  say(
    `${hosts} hosts connected in ${seconds(begun, connected)} s, ${cpu(begun, connected)} CPU s, ${mib(connected)} MiB`,
  );
  if (values.warm) {
    load.command("ask-one");
    await until("the object", async () => (await taskOf(url))?.state === "whole");
  }
  const asking = figuresOf(pid);
  load.command("ask");
  await until("the object", async () => (await taskOf(url))?.state === "whole");
  const task = (await taskOf(url))!;
  const readers = Number(values["seed-mbit"]) > 0 ? startReaders(port, task) : undefined;
  await until("all to have joined", () => load.joined === generators);
  const joined = figuresOf(pid);
  say(`all joined in ${seconds(asking, joined)} s, ${cpu(asking, joined)} CPU s, ${mib(joined)} MiB`);
  load.command("all-joined");
  await loopDelayP99Ms(url);
  const marks = { sent: load.sum("sent"), received: load.sum("received"), uploaded: await uploadedBytes(url) };
  await until("the first to finish", () => load.sum("whole") > 0);
  const steady = figuresOf(pid);
  const loopMs = await loopDelayP99Ms(url);
  const steadySeconds = (steady.atMs - joined.atMs) / 1000;
  const rates = {
    heardPerSecond: (load.sum("sent") - marks.sent) / steadySeconds,
    saidPerSecond: (load.sum("received") - marks.received) / steadySeconds,
    seededMbit: ((await uploadedBytes(url)) - marks.uploaded) / 125_000 / steadySeconds,
  };
  await until("all to finish", () => load.sum("whole") === hosts);
  const finished = figuresOf(pid);
  readers?.kill();
  await pause(1000);
  load.command("end");
  await until("the hosts' figures", () => load.done.length === generators);
  report({ joined, steady, finished }, rates, loopMs, load, task);
  const running = [...started].filter((child) => child.exitCode === null && child.signalCode === null);
  const ended = running.map((child) => once(child, "exit"));
  for (const child of running) child.kill();
  await Promise.race([Promise.all(ended), pause(10_000)]);
  origin.server.closeAllConnections();
  origin.server.close();
}

type Moments = Record<"joined" | "steady" | "finished", ProcessFigures>;
const say = (text: string): void => void process.stdout.write(`${text}\n`);
const seconds = (from: ProcessFigures, to: ProcessFigures): string => ((to.atMs - from.atMs) / 1000).toFixed(1);
const cpu = (from: ProcessFigures, to: ProcessFigures): string => (to.cpuSeconds - from.cpuSeconds).toFixed(1);
const mib = (figures: ProcessFigures): string => (figures.residentBytes / 2 ** 20).toFixed(0);

function report(
  { joined, steady, finished }: Moments,
  rates: { heardPerSecond: number; saidPerSecond: number; seededMbit: number },
  loopP99Ms: number,
  load: Generators,
  task: TaskFacts,
): void {
  const sorted = (pick: (done: Done) => readonly number[]): number[] => load.done.flatMap(pick).sort((a, b) => a - b);
  const answers = sorted((done) => done.steadyMs);
  const joining = sorted((done) => done.joiningMs);
  const wall = (steady.atMs - joined.atMs) / 1000;
  const cores = (steady.cpuSeconds - joined.cpuSeconds) / wall;
  const mainCores = (steady.mainThreadCpuSeconds - joined.mainThreadCpuSeconds) / wall;
  const windows = load.done.reduce(
    (sum, { windows: each }) => ({
      count: sum.count + each.count,
      messages: sum.messages + each.messages,
      over: sum.over + each.over,
      most: Math.max(sum.most, each.most),
    }),
    { count: 0, messages: 0, over: 0, most: 0 },
  );
  const result = {
    bench: "manager",
    hosts,
    sizeBytes,
    mbit: Number(values.mbit),
    seedMbit: Number(values["seed-mbit"]),
    originMbit: Number(values["origin-mbit"]),
    starvingShare: Number(values.starving),
    warm: values.warm,
    pieceBytes: task.pieceBytes,
    steadySeconds: wall,
    answers: answers.length,
    answerP50Ms: quantile(answers, 0.5),
    answerP99Ms: quantile(answers, 0.99),
    answerMostMs: answers.at(-1),
    joiningAnswerP99Ms: quantile(joining, 0.99),
    unanswered: load.done.reduce((sum, { unanswered }) => sum + unanswered, 0),
    ...rates,
    messagesPerHostAndWindow: windows.messages / windows.count,
    windowsWithMoreThanOne: windows.over / windows.count,
    messagesInWindowMost: windows.most,
    managerCores: cores,
    managerMainThreadCores: mainCores,
    managerWaitedForCores: (steady.mainThreadWaitedSeconds - joined.mainThreadWaitedSeconds) / wall,
    managerLoopDelayP99Ms: loopP99Ms,
    residentBytesMost: finished.residentBytesMost,
    generatorLoopDelayP99Ms: Math.max(...load.done.map(({ loopDelayMs }) => loopDelayMs.p99)),
    generatorLoopDelayMostMs: Math.max(...load.done.map(({ loopDelayMs }) => loopDelayMs.max)),
  };
  for (const [key, value] of Object.entries(result))
    say(`${key.padEnd(28)} ${typeof value === "number" ? Math.round(value * 1000) / 1000 : value}`);
  say(`told, by kind: ${JSON.stringify(load.done.map(({ kinds }) => kinds))}`);
  appendFileSync(`${root}/bench/results/manager.jsonl`, `${JSON.stringify({ ...result, machine: machineFacts() })}\n`);
}

process.on("exit", () => {
  for (const child of started) child.kill();
  if (!values.keep) rmSync(folder, { recursive: true, force: true });
});
for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => process.exit(130));
await run();
process.exit(0);
