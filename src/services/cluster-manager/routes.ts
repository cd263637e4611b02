/** The manager's HTTP interface beside the role's own routes: what it works on, for people and programs. */

import { DarnerError } from "#base/mod.ts";
import type { HostCard } from "#core/protocol/mod.ts";
import type { Route, RouteRequest } from "#platform/http-server/server.ts";
import type { TaskCache } from "#storage/pieces/mod.ts";
import type { ManagedTask } from "./tasks/mod.ts";
import type { ClusterManager } from "./service.ts";

export interface ManagerRoutesOptions {
  readonly manager: ClusterManager;
  readonly cache: TaskCache;
}

export function managerRoutes({ manager, cache }: ManagerRoutesOptions): Route[] {
  const pin =
    (pinned: boolean): Route["handle"] =>
    async (request) => {
      await cache.pin(taskNamed(request.params["task"]), pinned);
      return { status: 200, json: { pinned } };
    };
  return [
    {
      method: "GET",
      path: "/v1/tasks",
      doc: "The tasks in memory, with their hosts and progress.",
      access: ["read"],
      handle: async () => ({
        status: 200,
        json: { tasks: [...manager.tasks()].map(([task, managed]) => describe(task, managed)) },
      }),
    },
    {
      method: "GET",
      path: "/v1/tasks/:task",
      doc: "One task: who has what, the copies that each line carried, how far from the bound, and why.",
      access: ["read"],
      handle: async (request) => {
        const explained = manager.explain(taskNamed(request.params["task"]));
        return explained === undefined
          ? { status: 404, json: { error: "no such task" } }
          : { status: 200, json: explained };
      },
    },
    ...drainRoutes(manager),
    {
      method: "PUT",
      path: "/v1/tasks/:task/pin",
      doc: "Keeps a task whatever the quota says.",
      access: ["admin"],
      handle: pin(true),
    },
    {
      method: "DELETE",
      path: "/v1/tasks/:task/pin",
      doc: "Lets a task be evicted again.",
      access: ["admin"],
      handle: pin(false),
    },
  ];
}

function drainRoutes(manager: ClusterManager): Route[] {
  const wanted = async (request: RouteRequest): Promise<boolean> => {
    const { draining } = ((await request.json()) ?? {}) as { draining?: unknown };
    if (typeof draining === "boolean") return draining;
    throw new DarnerError("usage", 'cannot drain: the body should be {"draining": true} or false');
  };
  return [
    {
      method: "GET",
      path: "/v1/hosts",
      doc: "The hosts that are connected, with the number of their tasks.",
      access: ["read"],
      handle: async () => ({
        status: 200,
        json: { hosts: [...manager.hostList()].map(({ card, ...rest }) => ({ ...hostFacts(card), ...rest })) },
      }),
    },
    {
      method: "PUT",
      path: "/v1/hosts/:id/draining",
      doc: 'A host feeds nobody any more, or again: {"draining": BOOLEAN}. Its own downloads go on.',
      access: ["admin"],
      handle: async (request) => {
        const draining = await wanted(request);
        manager.drainHost(request.params["id"] ?? "", draining);
        return { status: 200, json: { draining } };
      },
    },
    {
      method: "PUT",
      path: "/v1/draining",
      doc: 'This manager takes no new task where there is another, or does again: {"draining": BOOLEAN}.',
      access: ["admin"],
      handle: async (request) => {
        const draining = await wanted(request);
        manager.drain(draining);
        return { status: 200, json: { draining } };
      },
    },
  ];
}

function hostFacts({ id, name, site, address, port }: HostCard): object {
  return { id, name, site, address, port };
}

/** It becomes a folder's name. */
function taskNamed(text = ""): string {
  if (/^[0-9a-f]{64}$/.test(text)) return text;
  throw new DarnerError("usage", "cannot pin it: a task's id is 64 hex digits; GET /v1/tasks tells those in memory");
}

function describe(task: string, managed: ManagedTask): unknown {
  const version = managed.current;
  const object = version?.store.object;
  const whole = version?.store.end !== undefined;
  return {
    task,
    url: withoutSecrets(object?.url ?? version?.ask.url),
    generation: version?.generation,
    state: whole ? "whole" : managed.fetching ? "fetching" : managed.failure === undefined ? "partial" : "failed",
    failure: managed.failure?.message,
    lengthBytes: version?.store.lengthBytes,
    heldBytes: version?.store.heldBytes ?? 0,
    pieceBytes: object?.pieceBytes,
    sealed: object?.seal !== undefined,
    piecesHeld: version?.store.have.count,
    hosts: version?.hosts ?? 0,
    unfinished: version?.unfinished ?? 0,
  };
}

/** A URL fit to be shown: no user, password or query. */
function withoutSecrets(text: string | undefined): string | undefined {
  if (text === undefined) return undefined;
  const url = new URL(text);
  return `${url.protocol}//${url.host}${url.pathname}`;
}
