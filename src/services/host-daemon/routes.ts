/** The daemon's interface on its unix socket: downloads for dfget, as core/protocol/local.ts describes. */

import { DarnerError } from "#base/mod.ts";
import type { DownloadAsk, DownloadEvent } from "#core/protocol/mod.ts";
import type { Route, RouteRequest } from "#platform/http-server/server.ts";
import { objectRoute, sendBytes } from "./reading/mod.ts";
import type { HostDaemon } from "./service.ts";
import { smallRoute } from "./small/mod.ts";
import { isTaskAsk } from "./tasks/mod.ts";

export interface DaemonRoutesOptions {
  readonly daemon: HostDaemon;
  /** The user at the other end of the socket, where the system tells. */
  readonly userOf: (request: RouteRequest) => number | undefined;
}

export function daemonRoutes({ daemon, userOf }: DaemonRoutesOptions): Route[] {
  return [
    objectRoute(daemon),
    smallRoute(daemon),
    {
      method: "POST",
      path: "/v1/downloads",
      doc: "Gets an object; answers with a line of JSON for each event until `done` or `failed`.",
      access: ["read"],
      handle: async (request) => {
        const ask = readAsk(await request.json());
        streamEvents(request, (tell) => daemon.begin(ask, userOf(request), tell));
        return undefined;
      },
    },
    {
      method: "GET",
      path: "/v1/downloads/:id/body",
      doc: "The verified bytes of a download with output `stream`, in order; cut short when it fails.",
      access: ["read"],
      handle: async (request) => {
        const download = daemon.download(request.params["id"] ?? "");
        if (download === undefined) throw new DarnerError("cluster.refused", "cannot stream: no such download");
        request.response.writeHead(200, { "content-type": "application/octet-stream" });
        await sendBytes(request.response, download.body());
        return undefined;
      },
    },
    {
      method: "POST",
      path: "/v1/downloads/:id/settled",
      doc: "The output has its final name: the daemon may serve from it.",
      access: ["read"],
      handle: async (request) => {
        daemon.download(request.params["id"] ?? "")?.settle();
        return { status: 200, json: {} };
      },
    },
  ];
}

function streamEvents(
  request: RouteRequest,
  start: (tell: (event: DownloadEvent) => void) => { abandon(): void },
): void {
  const { response } = request;
  let over = false;
  const download = start((event) => {
    if (!response.headersSent) response.writeHead(200, { "content-type": "application/x-ndjson" });
    response.write(`${JSON.stringify(event)}\n`);
    over = event.event === "done" || event.event === "failed";
    if (over) response.end();
  });
  response.on("close", () => {
    if (!over) download.abandon();
  });
}

/** Throws `cluster.refused` for anything that is no ask. */
function readAsk(value: unknown): DownloadAsk {
  const ask = value as Partial<DownloadAsk> | null;
  const fits =
    isTaskAsk(value) &&
    typeof ask?.output === "object" &&
    ["p2p", "cdn", "source"].includes(String(ask.mode)) &&
    typeof ask.backToSource === "boolean" &&
    typeof ask.triesMax === "number";
  if (!fits)
    throw new DarnerError("cluster.refused", "cannot start a download: the request is not of this version's form");
  return ask as DownloadAsk;
}
