/**
 * `npm run bench:config -- [--managers N] [--asks PER_SECOND] [--seconds S] [--connections N]`
 *
 * One real config service with N managers that renew their leases three times each, asked for the list
 * of managers at a steady rate over kept connections, as a million hosts that look every five minutes
 * would. The service runs on one processor (taskset), the load on another. Prints how long an answer
 * takes from when it was due, so that a late generator is counted in; appends a line with the machine's
 * facts to bench/results/config.jsonl.
 */

import { spawn } from "node:child_process";
import { appendFileSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { Agent, request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { readFlags } from "../flags.ts";
import { machineFacts } from "../machine.ts";

const values = readFlags(import.meta.filename, {
  managers: { type: "string", default: "1000" },
  asks: { type: "string", default: "3300" },
  seconds: { type: "string", default: "20" },
  connections: { type: "string", default: "256" },
});
const root = new URL("../..", import.meta.url).pathname.replace(/\/$/, "");
const folder = mkdtempSync(join(tmpdir(), "bench-config-"));
const managers = Number(values.managers);
const asksPerSecond = Number(values.asks);
const seconds = Number(values.seconds);
const tickMs = 5;

const service = spawn(
  "taskset",
  ["-c", "0", process.execPath, "src/main.ts", "config-service", "--trust", "off", "--listen", "127.0.0.1:0"].concat([
    "--data-dir",
    folder,
  ]),
  { cwd: root, stdio: ["ignore", "ignore", "pipe"] },
);
process.once("exit", () => service.kill("SIGKILL"));
const agent = new Agent({ keepAlive: true, maxSockets: Number(values.connections) });

function started(): Promise<number> {
  return new Promise((resolve, reject) => {
    let text = "";
    service.stderr.setEncoding("utf8").on("data", (part: string) => {
      text += part;
      const port = /"event":"role.started".*?"url":"http:[^"]*:(\d+)"/.exec(text)?.[1];
      if (port !== undefined) resolve(Number(port));
    });
    service.once("exit", () => reject(new Error(`the config service ended: ${text}`)));
  });
}

function ask(port: number, method: "GET" | "PUT", path: string, body?: object): Promise<string> {
  return new Promise((resolve, reject) => {
    const sent = request({ host: "127.0.0.1", port, method, path, agent }, (answer) => {
      let text = "";
      answer.setEncoding("utf8").on("data", (part: string) => (text += part));
      answer.once("end", () => (answer.statusCode === 200 ? resolve(text) : reject(new Error(text))));
      answer.once("error", reject);
    });
    sent.once("error", reject);
    if (body !== undefined) sent.setHeader("content-type", "application/json");
    sent.end(body === undefined ? undefined : JSON.stringify(body));
  });
}

const renew = (port: number, number: number): Promise<string> =>
  ask(port, "PUT", `/v1/managers/m${number}`, { url: `http://m${number}.test:8002`, address: "10.0.0.1", load: 0.3 });

/** Processor time of the service so far, in seconds. */
function processorSeconds(): number {
  const fields = readFileSync(`/proc/${service.pid}/stat`, "utf8").split(") ")[1]!.split(" ");
  return (Number(fields[11]) + Number(fields[12])) / 100;
}

/** Each due moment's answers, timed from when they were due. */
async function load(
  port: number,
  leaseMs: number,
  version: number,
  lookMs: number[],
  renewMs: number[],
): Promise<void> {
  const startMs = performance.now();
  const answers: Promise<void>[] = [];
  const timed = (dueMs: number, into: number[], answer: Promise<string>): void => {
    answers.push(answer.then(() => void into.push(performance.now() - dueMs)));
  };
  const path = `/v1/managers?after=${version}&waitMs=0&address=10.1.2.3`;
  const renewalsPerSecond = (managers * 3000) / leaseMs;
  let [asked, renewed] = [0, 0];
  while (performance.now() - startMs < seconds * 1000) {
    const elapsedMs = performance.now() - startMs;
    for (; asked < (elapsedMs * asksPerSecond) / 1000; asked++) {
      timed(startMs + (asked * 1000) / asksPerSecond, lookMs, ask(port, "GET", path));
    }
    for (; renewed < (elapsedMs * renewalsPerSecond) / 1000; renewed++) {
      timed(startMs + (renewed * 1000) / renewalsPerSecond, renewMs, renew(port, renewed % managers));
    }
    await new Promise((resolve) => setTimeout(resolve, tickMs));
  }
  await Promise.all(answers);
}

function quantiles(times: readonly number[]): Record<string, number> {
  const sorted = [...times].sort((a, b) => a - b);
  const at = (share: number): number => Number((sorted[Math.floor((sorted.length - 1) * share)] ?? NaN).toFixed(2));
  return { count: sorted.length, p50Ms: at(0.5), p99Ms: at(0.99), maxMs: at(1) };
}

try {
  const port = await started();
  let leaseMs = NaN;
  for (let number = 0; number < managers; number++) {
    ({ leaseMs } = JSON.parse(await renew(port, number)) as { leaseMs: number });
  }
  const { version } = JSON.parse(await ask(port, "GET", "/v1/managers")) as { version: number };
  const [lookMs, renewMs]: [number[], number[]] = [[], []];
  const [beforeSeconds, startMs] = [processorSeconds(), performance.now()];
  await load(port, leaseMs, version, lookMs, renewMs);
  const share = ((processorSeconds() - beforeSeconds) * 1000) / (performance.now() - startMs);
  const figures = { looks: quantiles(lookMs), renewals: quantiles(renewMs), processorShare: Number(share.toFixed(2)) };
  console.log(JSON.stringify(figures, null, 2));
  const line = { ...machineFacts(), managers, asksPerSecond, seconds, ...figures };
  appendFileSync(join(root, "bench/results/config.jsonl"), `${JSON.stringify(line)}\n`);
} finally {
  agent.destroy();
  service.kill("SIGTERM");
  rmSync(folder, { recursive: true, force: true });
}
