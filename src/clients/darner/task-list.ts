/** `darner task list`: what cluster managers distribute now, as a table or as their own JSON. */

import { asDarnerError, DarnerError, formatBytes } from "#base/mod.ts";
import type { HttpJson } from "#platform/http-asks/json.ts";
import type { ListedManager } from "./machines.ts";
import { askConfigService, type ConfigServicePlace } from "./members.ts";
import { table } from "./table.ts";

/** A task as a manager tells it; what it does not know yet is missing. */
export interface ListedTask {
  readonly manager: string;
  readonly task: string;
  readonly url?: string;
  readonly state: "fetching" | "whole" | "partial" | "failed";
  readonly lengthBytes?: number;
  readonly heldBytes: number;
  readonly hosts: number;
  readonly unfinished: number;
}

export interface TaskList {
  readonly tasks: readonly ListedTask[];
  /** Managers that did not answer. */
  readonly failures: readonly DarnerError[];
}

const answerTimeoutMs = 10_000;
/** Where `darner up` is, unless told otherwise. */
export const thisMachine = { configService: "http://127.0.0.1:8080", manager: "http://127.0.0.1:8002" } as const;

/** The managers that a config service knows. Rejects as `HttpJson.request` does. */
async function listedManagers(http: HttpJson, place: ConfigServicePlace): Promise<readonly ListedManager[]> {
  const answer = await askConfigService(http, place, "GET", "/v1/managers");
  return (answer["managers"] as readonly ListedManager[] | undefined) ?? [];
}

/** Whom an operator means. */
export interface KnownManagers {
  /** Those that are named, else all that the config service lists, else this machine's. */
  readonly urls: readonly string[];
  /** With what the config service says of them, where one is known or answers on this machine. */
  readonly listed: readonly ListedManager[];
}

/** `configService`: undefined where none is named; this machine's is asked then, should one answer. */
export async function knownManagers(
  http: HttpJson,
  named: readonly string[],
  configService: ConfigServicePlace | undefined,
): Promise<KnownManagers> {
  if (named.length > 0) return { urls: named, listed: [] };
  const listed =
    configService === undefined
      ? await listedManagers(http, { url: thisMachine.configService }).catch(() => [])
      : await listedManagers(http, configService);
  return { urls: listed.length > 0 ? listed.map(({ url }) => url) : [thisMachine.manager], listed };
}

/** Rejects with the first failure when nobody answers. */
export async function listTasks(http: HttpJson, managers: readonly string[]): Promise<TaskList> {
  const answers = await Promise.allSettled(managers.map((manager) => tasksOf(http, manager)));
  const tasks = answers.flatMap((answer) => (answer.status === "fulfilled" ? answer.value : []));
  const failures = answers.flatMap((answer) => (answer.status === "rejected" ? [asDarnerError(answer.reason)] : []));
  const [first] = failures;
  if (first !== undefined && failures.length === managers.length) throw first;
  return { tasks, failures };
}

async function tasksOf(http: HttpJson, manager: string): Promise<ListedTask[]> {
  const url = new URL("/v1/tasks", manager);
  const answer = (await http.request({ method: "GET", url, role: "manager", timeoutMs: answerTimeoutMs })) as
    | { readonly tasks?: readonly Omit<ListedTask, "manager">[] }
    | undefined;
  if (!Array.isArray(answer?.tasks)) {
    throw new DarnerError("cluster.protocol", `cannot list the tasks of ${manager}: it is no cluster manager`);
  }
  return answer.tasks.map((task) => ({ manager, ...task }));
}

export function taskTable(tasks: readonly ListedTask[]): string {
  const head = ["TASK", "STATE", "HELD", "OF", "HOSTS", "GETTING", "URL"];
  const rows = tasks.map((task) => [
    task.task.slice(0, 12),
    task.state,
    formatBytes(task.heldBytes),
    task.lengthBytes === undefined ? "?" : formatBytes(task.lengthBytes),
    String(task.hosts),
    String(task.unfinished),
    task.url ?? "?",
  ]);
  return table(head, rows, "no task is being distributed");
}
