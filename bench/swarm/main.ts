/**
 * `npm run bench:swarm -- [--hosts N] [--mb SIZE] [--host-mbit R] [--origin-mbit R] [--manager-mbit R]
 * [--runs N] [--only NAME,NAME] [--slow K:MBIT] [--stagger SECONDS]`
 *
 * One file's way from an origin (nginx) to N hosts, each a network namespace behind a shaped link,
 * with rivals in the same run. Prints a table of medians and appends each run with the machine's
 * facts to bench/results/swarm.jsonl. The bound is the fluid one (Kumar and Ross 2006) at the link's
 * TCP goodput, 0.95 of the line: max(F/C_origin, F/d_min, N F/(C_origin + C_manager + sum u)).
 */

import { spawnSync } from "node:child_process";
import { createHash, randomFillSync } from "node:crypto";
import { appendFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { machineCpuSeconds, machineFacts, median } from "../machine.ts";
import { contenders, type Contender, type Ground, type HostGround } from "./contenders.ts";
import { Network, type MachineWanted } from "./network.ts";

const { values } = parseArgs({
  options: {
    "hosts": { type: "string", default: "20" },
    "mb": { type: "string", default: "50" },
    "host-mbit": { type: "string", default: "25" },
    "origin-mbit": { type: "string", default: "100" },
    "manager-mbit": { type: "string", default: "100" },
    "runs": { type: "string", default: "3" },
    "only": { type: "string", default: contenders.map(({ name }) => name).join(",") },
    "slow": { type: "string", default: "0:0" },
    "stagger": { type: "string", default: "0" },
    "keep": { type: "boolean", default: false },
  },
});

const hosts = Number(values.hosts);
const fileBytes = Number(values.mb) * 1e6;
const hostMbit = Number(values["host-mbit"]);
const originMbit = Number(values["origin-mbit"]);
const managerMbit = Number(values["manager-mbit"]);
const [slowHosts, slowMbit] = values.slow.split(":").map(Number) as [number, number];
const staggerMs = Number(values.stagger) * 1000;
const root = new URL("../..", import.meta.url).pathname.replace(/\/$/, "");
const originAddress = "10.78.0.2";
const managerAddress = "10.78.0.3";
const timeoutMs = 400_000;

interface RunResult {
  readonly contender: string;
  readonly finished: number;
  readonly intact: number;
  readonly makespanSeconds: number;
  readonly ownSecondsMax: number;
  readonly ratio: number;
  readonly originCopies: number;
  readonly managerCopies: number;
  readonly cpuSecondsPerGb: number;
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
const rateOf = (index: number): number => (index < slowHosts ? slowMbit : hostMbit);

/** The same for all: what the machines and their links allow, whoever uses them. */
function boundSeconds(): number {
  const bytesPerSecond = (mbit: number): number => (mbit * 0.95e6) / 8;
  const rates = Array.from({ length: hosts }, (_, index) => rateOf(index));
  const supply = originMbit + managerMbit + rates.reduce((sum, rate) => sum + rate, 0);
  return Math.max(
    fileBytes / bytesPerSecond(originMbit),
    fileBytes / bytesPerSecond(Math.min(...rates)),
    (hosts * fileBytes) / bytesPerSecond(supply),
  );
}

async function runOnce(contender: Contender): Promise<RunResult> {
  const folder = mkdtempSync("/tmp/bench-swarm-");
  const machines: MachineWanted[] = [
    { name: "dnb-origin", address: originAddress, mbit: originMbit },
    { name: "dnb-manager", address: managerAddress, mbit: managerMbit },
    ...Array.from({ length: hosts }, (_, index) => ({
      name: `dnb-host${index}`,
      address: hostAddress(index),
      mbit: rateOf(index),
    })),
  ];
  const network = new Network(machines);
  const onSignal = (): void => {
    network.close();
    process.exit(130);
  };
  process.once("SIGINT", onSignal);
  try {
    return await measure(contender, network, folder);
  } finally {
    process.off("SIGINT", onSignal);
    network.close();
    if (!values.keep) rmSync(folder, { recursive: true, force: true });
  }
}

function hostAddress(index: number): string {
  return `10.78.${1 + Math.floor(index / 200)}.${10 + (index % 200)}`;
}

async function measure(contender: Contender, network: Network, folder: string): Promise<RunResult> {
  const source = `${folder}/www/data.bin`;
  mkdirSync(`${folder}/www`);
  const data = randomFillSync(Buffer.alloc(fileBytes));
  writeFileSync(source, data);
  const digest = createHash("sha256").update(data).digest("hex");
  writeFileSync(
    `${folder}/nginx.conf`,
    `worker_processes 1; daemon off; pid ${folder}/nginx.pid; error_log ${folder}/nginx.err; events { worker_connections 4096; } http { access_log off; sendfile on; server { listen ${originAddress}:80; root ${folder}/www; } }`,
  );
  spawnSync("chmod", ["-R", "a+rX", folder]);
  network.start("dnb-origin", `exec nginx -c ${folder}/nginx.conf`, `${folder}/nginx.log`);
  const ground: Ground = {
    root,
    folder,
    source,
    originAddress,
    managerAddress,
    url: `http://${originAddress}/data.bin`,
    node: process.execPath,
  };
  const grounds: HostGround[] = Array.from({ length: hosts }, (_, index) => ({
    address: hostAddress(index),
    folder: `${folder}/host${index}`,
    output: `${folder}/host${index}/out.bin`,
  }));
  for (const { folder: own } of grounds) mkdirSync(own);
  for (const { machine, command } of contender.services(ground))
    network.start(`dnb-${machine}`, command, `${folder}/${machine}.log`);
  await pause(2500);
  if (contender.daemon !== undefined) {
    for (const [index, host] of grounds.entries())
      network.start(`dnb-host${index}`, contender.daemon(ground, host), `${host.folder}/daemon.log`);
    await pause(2000 + 200 * hosts);
  }
  const originBefore = network.sentBytes("dnb-origin");
  const managerBefore = network.sentBytes("dnb-manager");
  const cpuBefore = machineCpuSeconds();
  const finishedMs = await race(contender, network, ground, grounds);
  const cpuSeconds = machineCpuSeconds() - cpuBefore;
  const intact = grounds.filter(
    ({ output }) => existsSync(output) && createHash("sha256").update(readFileSync(output)).digest("hex") === digest,
  );
  const all = [...finishedMs.values()];
  const makespanSeconds = Math.max(...all.map(({ atMs }) => atMs)) / 1000;
  return {
    contender: contender.name,
    finished: all.length,
    intact: intact.length,
    makespanSeconds,
    ownSecondsMax: Math.max(...all.map(({ atMs, startMs }) => atMs - startMs)) / 1000,
    ratio: makespanSeconds / boundSeconds(),
    originCopies: (network.sentBytes("dnb-origin") - originBefore) / fileBytes,
    managerCopies: (network.sentBytes("dnb-manager") - managerBefore) / fileBytes,
    cpuSecondsPerGb: cpuSeconds / ((hosts * fileBytes) / 1e9),
  };
}

/** Starts every host's get and waits for all; times are from the first start. */
async function race(
  contender: Contender,
  network: Network,
  ground: Ground,
  grounds: readonly HostGround[],
): Promise<Map<number, { atMs: number; startMs: number }>> {
  const zero = performance.now();
  const finished = new Map<number, { atMs: number; startMs: number }>();
  const starts = new Map<number, number>();
  const exited = new Set<number>();
  while (finished.size + exited.size < hosts && performance.now() - zero < timeoutMs) {
    const nowMs = performance.now() - zero;
    for (let index = starts.size; index < hosts && nowMs >= staggerMs * index; index++) {
      starts.set(index, nowMs);
      const host = grounds[index]!;
      const child = network.start(`dnb-host${index}`, contender.get(ground, host), `${host.folder}/get.log`);
      child.on("exit", (code) => {
        if (contender.doneFile === true) return;
        if (code === 0) finished.set(index, { atMs: performance.now() - zero, startMs: starts.get(index)! });
        else exited.add(index);
      });
    }
    if (contender.doneFile === true) {
      for (const [index, startMs] of starts) {
        if (!finished.has(index) && existsSync(grounds[index]!.output))
          finished.set(index, { atMs: performance.now() - zero, startMs });
      }
    }
    await pause(20);
  }
  return finished;
}

const facts = machineFacts();
const rows: string[] = [];
const wanted = contenders.filter(({ name }) => values.only.split(",").includes(name));
const results = new Map<string, RunResult[]>(wanted.map(({ name }) => [name, []]));
for (let run = 0; run < Number(values.runs); run++) {
  for (const contender of wanted) {
    const result = await runOnce(contender);
    results.get(contender.name)!.push(result);
    const settings = { hosts, fileBytes, hostMbit, originMbit, managerMbit, slow: values.slow, staggerMs };
    const line = JSON.stringify({
      bench: "swarm",
      ...settings,
      boundSeconds: boundSeconds(),
      ...result,
      machine: facts,
    });
    mkdirSync(`${root}/bench/results`, { recursive: true });
    appendFileSync(`${root}/bench/results/swarm.jsonl`, `${line}\n`);
    process.stderr.write(
      `${contender.name}: ${result.makespanSeconds.toFixed(1)} s, ${result.ratio.toFixed(2)} x bound, origin ${result.originCopies.toFixed(2)}\n`,
    );
  }
}
const pick = (name: string, key: Exclude<keyof RunResult, "contender">): number =>
  median(results.get(name)!.map((result) => result[key]));
rows.push(
  "| contender | intact | makespan s | x bound | origin copies | manager copies | CPU s/GB |",
  "|---|---|---|---|---|---|---|",
);
for (const { name } of wanted) {
  const cell = (key: Exclude<keyof RunResult, "contender">, digits: number): string => pick(name, key).toFixed(digits);
  rows.push(
    `| ${name} | ${cell("intact", 0)}/${hosts} | ${cell("makespanSeconds", 1)} | ${cell("ratio", 3)} | ${cell("originCopies", 3)} | ${cell("managerCopies", 2)} | ${cell("cpuSecondsPerGb", 1)} |`,
  );
}
process.stdout.write(
  `${rows.join("\n")}\n(medians of ${values.runs} runs; ${facts.cores} cores ${facts.cpu}, SHA extensions ${facts.shaExtensions ? "yes" : "no"})\n`,
);
