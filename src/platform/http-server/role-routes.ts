/**
 * The routes that every role has. Live: the process does its work, else restart it. Ready: it can
 * serve now, else send nobody here. Both answer 200 `ok`, or 503 with the reason.
 */

import type { Route, RouteAnswer } from "./server.ts";
import type { Identity } from "../keys/identity.ts";
import type { Metrics } from "../telemetry/metrics.ts";

export interface RoleRoutesOptions {
  readonly metrics: Metrics;
  /** What is wrong, or undefined when nothing is. */
  live(): string | undefined;
  ready(): string | undefined;
  /** Of a member: then the authority's certificate is told too. */
  readonly identity?: Identity | undefined;
}

export function roleRoutes(options: RoleRoutesOptions): readonly Route[] {
  return [
    {
      method: "GET",
      path: "/metrics",
      doc: "Counters and gauges in Prometheus' text format.",
      access: "open",
      handle: async () => ({
        status: 200,
        text: await options.metrics.text(),
        contentType: "text/plain; version=0.0.4; charset=utf-8",
      }),
    },
    {
      method: "GET",
      path: "/healthz",
      doc: "200 while the process does its work; otherwise 503 and the reason.",
      access: "open",
      handle: async () => health(options.live()),
    },
    {
      method: "GET",
      path: "/readyz",
      doc: "200 while the role can serve; otherwise 503 and the reason.",
      access: "open",
      handle: async () => health(options.live() ?? options.ready()),
    },
    ...(options.identity === undefined ? [] : [authorityRoute(options.identity.authority)]),
  ];
}

/** Nobody need believe it: a token tells which one is right. */
function authorityRoute(authority: string): Route {
  return {
    method: "GET",
    path: "/v1/authority",
    doc: "The certificate of the cluster's authority, PEM; its SHA-256 stands in each of the cluster's tokens.",
    access: "open",
    handle: async () => ({ status: 200, json: { authority } }),
  };
}

function health(trouble: string | undefined): RouteAnswer {
  return trouble === undefined ? { status: 200, text: "ok\n" } : { status: 503, text: `${trouble}\n` };
}
