/** Health as a supervisor and a load balancer ask for it. */

import assert from "node:assert/strict";
import { test } from "node:test";
import type { RouteAnswer, RouteRequest } from "./server.ts";
import { createNodeMetrics } from "../telemetry/metrics.node.ts";
import { roleRoutes } from "./role-routes.ts";

test("a role says whether it lives, whether it is ready, and why not", async () => {
  const trouble: { live?: string; ready?: string } = { ready: "no lease yet" };
  const routes = roleRoutes({ metrics: createNodeMetrics(), live: () => trouble.live, ready: () => trouble.ready });
  const ask = async (path: string): Promise<RouteAnswer> =>
    (await routes.find((route) => route.path === path)!.handle({} as RouteRequest))!;
  assert.deepEqual(await ask("/healthz"), { status: 200, text: "ok\n" });
  assert.deepEqual(await ask("/readyz"), { status: 503, text: "no lease yet\n" });
  delete trouble.ready;
  assert.equal((await ask("/readyz")).status, 200);
  trouble.live = "the disk failed";
  assert.deepEqual(await ask("/readyz"), { status: 503, text: "the disk failed\n" });
  assert.match((await ask("/metrics")).text!, /process_cpu_seconds_total/);
});
