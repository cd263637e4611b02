/** The routes of preheating: operators and programs order, managers work, registries tell what was pushed. */

import { DarnerError } from "#base/mod.ts";
import { readPreheatOrder, type ManagerProgress, type PreheatOrder } from "#core/image/mod.ts";
import type { ManagerEntry } from "#core/placement/mod.ts";
import { isLoopbackAddress } from "#core/placement/mod.ts";
import { callerAddress, callerOf } from "#platform/sockets/caller.ts";
import type { Route, RouteRequest } from "#platform/http-server/server.ts";
import { harborRoutes } from "./harbor.ts";
import type { Preheats } from "./preheats.ts";
import { pushedImages } from "./registry-events.ts";

export interface PreheatRoutesOptions {
  /** Throws `cluster.unreachable` while the service is starting. */
  readonly preheats: () => Preheats;
  readonly managers: () => readonly ManagerEntry[];
  /** Patterns of repositories whose pushed images are preheated, `*` for any characters. */
  readonly pushPatterns: () => readonly string[];
}

export function preheatRoutes(options: PreheatRoutesOptions): readonly Route[] {
  return [...orderRoutes(options), ...workRoutes(options), ...harborRoutes(options.preheats)];
}

/** Callers on this machine may mean addresses of this machine. */
export function isNear(request: RouteRequest): boolean {
  const address = callerAddress(request.raw);
  return address === undefined || isLoopbackAddress(address);
}

function orderRoutes({ preheats, pushPatterns }: PreheatRoutesOptions): readonly Route[] {
  return [
    {
      method: "POST",
      path: "/v1/preheats",
      doc: "Orders a preheat: {what: {kind: image, url, platforms} or {kind: files, urls}, hosts?: {count, percent, names, sites}, authorization?}.",
      access: ["preheat"],
      async handle(request) {
        const body = await request.json();
        const order = readOrder(body);
        const authorization = (body as { authorization?: unknown }).authorization;
        const credential = typeof authorization === "string" ? { authorization } : {};
        return { status: 200, json: await preheats().create({ order, near: isNear(request), ...credential }) };
      },
    },
    {
      method: "GET",
      path: "/v1/preheats",
      doc: "All preheat orders that are kept, oldest first, with their progress.",
      access: ["preheat", "read"],
      handle: async () => ({ status: 200, json: { preheats: preheats().all } }),
    },
    {
      method: "GET",
      path: "/v1/preheats/:id",
      doc: "One preheat order, with its progress by manager and host.",
      access: ["preheat", "read"],
      handle: async (request) => ({ status: 200, json: preheats().get(request.params["id"] ?? "") }),
    },
    {
      method: "DELETE",
      path: "/v1/preheats/:id",
      doc: "Cancels a preheat order; fine when it is over.",
      access: ["preheat"],
      handle: async (request) => ({ status: 200, json: await preheats().cancel(request.params["id"] ?? "") }),
    },
    {
      method: "POST",
      path: "/v1/registry-events",
      doc: "A registry tells what was pushed (Distribution's events envelope); what a rule names is preheated to the managers.",
      access: ["preheat"],
      async handle(request) {
        const images = pushedImages(await request.json(), pushPatterns());
        for (const url of images)
          await preheats().create({ order: { what: { kind: "image", url, platforms: [] } }, near: isNear(request) });
        return { status: 200, json: { preheats: images.length } };
      },
    },
  ];
}

function workRoutes({ preheats, managers }: PreheatRoutesOptions): readonly Route[] {
  return [
    {
      method: "GET",
      path: "/v1/preheat-work",
      doc: "For managers: the open orders with their credentials, and who the managers are.",
      access: ["manager"],
      handle: async () => ({ status: 200, json: { orders: preheats().work, managers: managers() } }),
    },
    {
      method: "PUT",
      path: "/v1/preheats/:id/managers/:manager",
      doc: "A manager says how far it is with an order.",
      access: ["manager"],
      async handle(request) {
        const { id = "", manager = "" } = request.params;
        const caller = callerOf(request.raw);
        if (caller.kind === "member" && caller.member.id !== manager)
          throw new DarnerError("trust.right", `cannot speak for the manager ${manager}: the caller is another`);
        await preheats().progress(id, manager, readProgress(await request.json()));
        return { status: 200, json: {} };
      },
    },
  ];
}

function readOrder(body: unknown): PreheatOrder {
  const read = readPreheatOrder(body);
  if ("order" in read) return read.order;
  throw new DarnerError("settings.invalid", `cannot take the preheat order: ${read.why}`);
}

function readProgress(body: unknown): ManagerProgress {
  const progress = body as Partial<ManagerProgress> | null;
  const fits =
    ["running", "done", "failed"].includes(String(progress?.state)) &&
    [progress?.objects, progress?.held, progress?.bytes].every((count) => Number.isSafeInteger(count)) &&
    Array.isArray(progress?.hosts);
  if (fits) return progress as ManagerProgress;
  throw new DarnerError("cluster.protocol", "cannot take the progress: it is not of this version's form");
}
