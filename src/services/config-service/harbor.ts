/**
 * Harbor's provider "Dragonfly", as Harbor calls it (goharbor/harbor, src/pkg/p2p/preheat/provider):
 * a health check, one job for each image, and its state until it is over. Harbor mints a token for the
 * one repository and sends it along; a job without hosts is for the managers alone.
 */

import { DarnerError } from "#base/mod.ts";
import { readPreheatOrder, type HostProgress } from "#core/image/mod.ts";
import type { Route } from "#platform/http-server/server.ts";
import { isNear } from "./preheat-routes.ts";
import type { PreheatRecord, Preheats } from "./preheats.ts";

interface JobArgs {
  readonly type?: unknown;
  readonly url?: unknown;
  readonly headers?: Readonly<Record<string, unknown>> | null;
  readonly scope?: unknown;
  readonly platform?: unknown;
  readonly percentage?: unknown;
  readonly count?: unknown;
}

export function harborRoutes(preheats: () => Preheats): readonly Route[] {
  return [
    {
      method: "GET",
      path: "/healthy",
      doc: "Harbor's provider Dragonfly: whether this answers.",
      access: "open",
      handle: async () => ({ status: 200, text: "OK\n" }),
    },
    {
      method: "POST",
      path: "/oapi/v1/jobs",
      doc: "Harbor's provider Dragonfly: preheats an image, {type: preheat, args: {type: image, url, headers, scope}}.",
      access: ["preheat"],
      async handle(request) {
        const body = (await request.json()) as { type?: unknown; args?: JobArgs | null } | null;
        const args = body?.args;
        if (body?.type !== "preheat" || args === undefined || args === null)
          throw refuse("it should be of type preheat");
        const { authorization, order } = readJob(args);
        const credential = authorization === undefined ? {} : { authorization };
        const record = await preheats().create({ order, near: isNear(request), ...credential });
        return { status: 200, json: jobOf(record) };
      },
    },
    {
      method: "GET",
      path: "/oapi/v1/jobs/:id",
      doc: "Harbor's provider Dragonfly: a job's state, PENDING, SUCCESS or FAILURE, with each host's.",
      access: ["preheat", "read"],
      handle: async (request) => ({ status: 200, json: jobOf(preheats().get(request.params["id"] ?? "")) }),
    },
  ];
}

function readJob({ type, url, headers, scope, platform, percentage, count }: JobArgs) {
  if (type !== "image") throw refuse("args.type should be image");
  // Every key is always there; "", 0 and null mean that it was not set.
  const platforms = typeof platform === "string" && platform !== "" ? [platform] : [];
  const share = typeof percentage === "number" && percentage > 0 ? { percent: percentage } : {};
  const number = typeof count === "number" && count > 0 ? { count } : {};
  const hosts = scope === "all_peers" ? { hosts: { ...share, ...number } } : {};
  const read = readPreheatOrder({ what: { kind: "image", url, platforms }, ...hosts });
  if ("why" in read) throw refuse(read.why);
  const authorization = Object.entries(headers ?? {}).find(([name]) => name.toLowerCase() === "authorization")?.[1];
  return { order: read.order, authorization: typeof authorization === "string" ? authorization : undefined };
}

/** Harbor stops at SUCCESS and FAILURE, asks again at PENDING, and takes any other state for a failure. */
function jobOf({ id, order, state, message, createdAtMs, updatedAtMs, managers }: PreheatRecord): object {
  const url = order.what.kind === "image" ? order.what.url : (order.what.urls[0] ?? "");
  const tasks = (good: boolean) =>
    Object.values(managers)
      .flatMap((manager) => manager.hosts)
      .filter(({ failed }) => (failed === undefined) === good)
      .map(({ host, name, failed }: HostProgress) => ({ url, hostname: name, ip: host, description: failed ?? "" }));
  return {
    id: Number(id),
    created_at: new Date(createdAtMs).toISOString(),
    updated_at: new Date(updatedAtMs).toISOString(),
    type: "preheat",
    state: state === "open" ? "PENDING" : state === "done" ? "SUCCESS" : "FAILURE",
    result: {
      job_states: [{ error: message ?? "", results: [{ success_tasks: tasks(true), failure_tasks: tasks(false) }] }],
    },
  };
}

function refuse(why: string): DarnerError {
  return new DarnerError("settings.invalid", `cannot take the job: ${why}`);
}
