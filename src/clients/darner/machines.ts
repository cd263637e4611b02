/** `darner host`, `darner manager` and `darner task explain`: what managers say of machines and of one task. */

import { DarnerError, formatBytes } from "#base/mod.ts";
import type { HttpJson } from "#platform/http-asks/json.ts";
import { table } from "./table.ts";

const answerTimeoutMs = 10_000;
/** Hosts of a task that a terminal is told of, the slowest. */
const hostsShownMax = 40;
/** Times a bound that is next to nothing say nothing. */
const boundMsMin = 100;

export interface ListedManager {
  readonly id: string;
  readonly url: string;
  readonly site: string;
  readonly load: number;
  readonly health: string;
}

export interface ListedHost {
  readonly id: string;
  readonly name: string;
  readonly site: string;
  readonly address: string;
  readonly tasks: number;
  readonly draining: boolean;
}

export interface ExplainedTask {
  readonly task: string;
  readonly lengthBytes?: number;
  readonly originCopies?: number;
  readonly managerCopies?: number;
  readonly peerCopies?: number;
  readonly makespanMs?: number;
  readonly boundMs?: number;
  readonly reasons?: readonly string[];
  readonly sites?: readonly {
    readonly site: string;
    readonly hosts: number;
    readonly done: number;
    readonly copiesIn: number;
    readonly makespanMs: number;
  }[];
  readonly hosts: readonly {
    readonly name: string;
    readonly site: string;
    readonly heldBytes: number;
    readonly tookMs: number;
    readonly done: boolean;
    readonly parents: number;
    readonly children: number;
  }[];
  /** Managers that get it here for hosts of their own. */
  readonly borrowers?: readonly string[];
}

/** One question to a manager. Rejects as `HttpJson.request` does. */
export async function askManager(
  http: HttpJson,
  manager: string,
  method: "GET" | "PUT",
  path: string,
  body?: unknown,
): Promise<Record<string, unknown>> {
  const url = new URL(path, manager);
  const answer = await http.request({ method, url, role: "manager", body, timeoutMs: answerTimeoutMs });
  if (typeof answer === "object" && answer !== null) return answer as Record<string, unknown>;
  throw new DarnerError("cluster.protocol", `cannot ${method} ${url.href}: the answer is not a manager's`);
}

export function managerTable(managers: readonly ListedManager[]): string {
  const rows = managers.map(({ id, url, site, health, load }) => [id, url, site || "-", health, load.toFixed(2)]);
  return table(
    ["ID", "URL", "SITE", "HEALTH", "LOAD"],
    rows,
    "no config service tells of managers; --config-service URL names it",
  );
}

export function hostTable(hosts: readonly ListedHost[]): string {
  const rows = hosts.map(({ id, name, site, address, tasks, draining }) => [
    id,
    name || "-",
    site || "-",
    address,
    String(tasks),
    draining ? "draining" : "up",
  ]);
  return table(["ID", "NAME", "SITE", "ADDRESS", "TASKS", "STATE"], rows, "no host is connected");
}

/** The slowest hosts first. */
export function explanationText(manager: string, task: ExplainedTask): string {
  const { lengthBytes, makespanMs, boundMs, sites = [] } = task;
  const copies = (value: number | undefined): string => (value === undefined ? "?" : value.toFixed(2));
  const lines = [
    `task     ${task.task}`,
    `manager  ${manager}`,
    `length   ${lengthBytes === undefined ? "not known yet" : formatBytes(lengthBytes)}`,
    `copies   origin ${copies(task.originCopies)}, manager ${copies(task.managerCopies)}, peers ${copies(task.peerCopies)}`,
  ];
  const seconds = (ms: number): string => `${(ms / 1000).toFixed(1)} s`;
  if (makespanMs !== undefined && boundMs !== undefined) {
    const times = `, ${(makespanMs / boundMs).toFixed(2)} x the bound of ${seconds(boundMs)}`;
    lines.push(`time     ${seconds(makespanMs)}${boundMs < boundMsMin ? "" : times}`);
  }
  for (const { site, hosts, done, copiesIn, makespanMs: lastMs } of sites.length > 1 ? sites : []) {
    const line = `${copiesIn.toFixed(2)} copies in, ${done} of ${hosts} hosts done`;
    lines.push(`site     ${site === "" ? "none" : site}: ${line}, the last after ${seconds(lastMs)}`);
  }
  for (const borrower of task.borrowers ?? []) lines.push(`feeds    manager ${borrower}, for its own hosts`);
  for (const reason of task.reasons ?? []) lines.push(`why      ${reason}`);
  const more = task.hosts.length - hostsShownMax;
  const rows = [...task.hosts]
    .sort((a, b) => b.tookMs - a.tookMs)
    .slice(0, hostsShownMax)
    .map(({ name, site, heldBytes, tookMs, done, parents, children }) => [
      name,
      site || "-",
      formatBytes(heldBytes),
      done ? "done" : "getting",
      seconds(tookMs),
      String(parents),
      String(children),
    ]);
  const head = ["HOST", "SITE", "HELD", "STATE", "TIME", "PARENTS", "CHILDREN"];
  const hosts = table(head, rows, "no host has it or gets it now");
  const rest = more > 0 ? `and ${more} more hosts, each faster; --json has them all\n` : "";
  return `${lines.join("\n")}\n\n${hosts}${rest}`;
}
