/** `darner host`, `darner manager` and `darner task explain`: what managers say of machines and of one task. */

import { DarnerError, formatBytes } from "#base/mod.ts";
import type { HttpJson } from "#platform/http/json.ts";
import { table } from "./table.ts";

const answerTimeoutMs = 10_000;

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
  readonly hosts: readonly {
    readonly name: string;
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
  return table(["ID", "URL", "SITE", "HEALTH", "LOAD"], rows, "no manager is known");
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

/** The slowest first. */
export function explanationText(manager: string, task: ExplainedTask): string {
  const { lengthBytes, makespanMs, boundMs } = task;
  const copies = (value: number | undefined): string => (value === undefined ? "?" : value.toFixed(2));
  const lines = [
    `task     ${task.task}`,
    `manager  ${manager}`,
    `length   ${lengthBytes === undefined ? "not known yet" : formatBytes(lengthBytes)}`,
    `copies   origin ${copies(task.originCopies)}, manager ${copies(task.managerCopies)}, peers ${copies(task.peerCopies)}`,
  ];
  if (makespanMs !== undefined && boundMs !== undefined) {
    const seconds = (ms: number): string => `${(ms / 1000).toFixed(1)} s`;
    const times = (makespanMs / boundMs).toFixed(2);
    lines.push(`time     ${seconds(makespanMs)}, ${times} x the bound of ${seconds(boundMs)}`);
  }
  for (const borrower of task.borrowers ?? []) lines.push(`feeds    manager ${borrower}, for its own hosts`);
  for (const reason of task.reasons ?? []) lines.push(`why      ${reason}`);
  const rows = [...task.hosts]
    .sort((a, b) => b.tookMs - a.tookMs)
    .map(({ name, heldBytes, tookMs, done, parents, children }) => [
      name,
      formatBytes(heldBytes),
      done ? "done" : "getting",
      `${(tookMs / 1000).toFixed(1)} s`,
      String(parents),
      String(children),
    ]);
  const hosts = table(["HOST", "HELD", "STATE", "TIME", "PARENTS", "CHILDREN"], rows, "no host has it or gets it now");
  return `${lines.join("\n")}\n\n${hosts}`;
}
