/**
 * A thousand clients, each on a connection of its own, ask one tag within one second through eight
 * proxies: what the registry hears of it, and how long each waits, its connecting counted.
 */

import assert from "node:assert/strict";
import { once } from "node:events";
import { request, type IncomingMessage } from "node:http";
import { setTimeout as delay } from "node:timers/promises";
import type { Role } from "../../test/integration/cluster.ts";
import { ImageScene, proxyOf, registryName } from "../../test/images/scene.ts";

const [clients, proxies, withinMs] = [1000, 8, 1000];
const accept = "application/vnd.oci.image.manifest.v1+json";

export async function tagCrowd(): Promise<Record<string, number>> {
  const scene = await ImageScene.start();
  try {
    const image = await scene.push("team/app", { layers: [{ sizeBytes: 1000, seed: 1 }] });
    const hosts: Role[] = [];
    for (let host = 0; host < proxies; host++) hosts.push(await scene.host(`h${host}`));
    const path = `/v2/team/app/manifests/v1?ns=${encodeURIComponent(registryName)}`;
    const startedMs = performance.now();
    const waits = await Promise.all(
      Array.from({ length: clients }, async (_, client) => {
        await delay((client * withinMs) / clients);
        const askedMs = performance.now();
        const url = `${proxyOf(hosts[client % proxies]!)}${path}`;
        const asking = request(url, { method: "HEAD", headers: { accept }, agent: false }).end();
        const [response] = (await once(asking, "response")) as [IncomingMessage];
        response.resume();
        assert.equal(response.statusCode, 200);
        assert.equal(response.headers["docker-content-digest"], image.digest);
        return performance.now() - askedMs;
      }),
    );
    const ms = Math.round(performance.now() - startedMs);
    const sorted = waits.sort((a, b) => a - b);
    const at = (share: number): number => Math.round(sorted[Math.ceil(share * clients) - 1]!);
    const upstreamRequests = scene.registry.asked.length;
    return { clients, proxies, ms, upstreamRequests, p50Ms: at(0.5), p99Ms: at(0.99), maxMs: at(1) };
  } finally {
    await scene.end();
  }
}
