/**
 * How fast an engine pulls, one way in: the first host alone, a second one alone, the others at once, and
 * then all of them at once another image that nobody has. Each behind the same slow line to the registry,
 * and after a tiny image, so that no program meets its first request.
 */

import assert from "node:assert/strict";
import { startClient, type Client, type ClientName, type Pull, type Way } from "../../test/images/clients.ts";
import { makeImage, type MadeImage } from "../../test/images/make-image.ts";
import { Registry } from "../../test/images/registry.ts";
import { authorityOf, proxyOf } from "../../test/images/scene.ts";
import { endAll } from "../../test/ending.ts";
import { Cluster, type Role } from "../../test/integration/cluster.ts";
import { slowLine } from "./slow-line.ts";

export const ways = ["direct", "mirror", "forward"] as const;
export type PaceWay = (typeof ways)[number];

export interface PaceAsk {
  readonly client: ClientName;
  readonly way: PaceWay;
  readonly hosts: number;
  readonly sizeBytes: number;
  readonly bytesPerSecond: number;
}

export interface PaceCell {
  readonly client: ClientName;
  readonly way: PaceWay;
  readonly hosts: number;
  readonly coldMs: number;
  readonly secondMs: number;
  /** Of the others, all at once. */
  readonly laterMs: number;
  /** Bytes that came over the slow line for all of these, against the image's. */
  readonly copies: number;
  readonly manifestGets: number;
  readonly heads: number;
  readonly blobGetsMax: number;
  /** All hosts at once, cold; not asked of the direct way. */
  readonly crowd?: {
    readonly ms: number;
    readonly copies: number;
    readonly manifestGets: number;
    readonly heads: number;
    readonly blobGetsMax: number;
  };
}

function counts(registry: Registry): { manifestGets: number; heads: number; blobGetsMax: number } {
  return {
    manifestGets: registry.manifests("GET").length,
    heads: registry.manifests("HEAD").length,
    blobGetsMax: Math.max(0, ...registry.blobGets.values()),
  };
}

async function all(clients: readonly Client[], reference: string): Promise<number> {
  const startedMs = performance.now();
  const pulls = await Promise.all(clients.map((client) => client.pull(reference)));
  for (const pull of pulls) assertPulled(pull);
  return Math.round(performance.now() - startedMs);
}

function assertPulled({ ok, text }: Pull): void {
  assert.ok(ok, text);
}

/** Eight engines that unpack 500 MB each share two cores. */
const pullMsMax = 10 * 60_000;

export async function pace({
  client: name,
  way,
  hosts: hostCount,
  sizeBytes,
  bytesPerSecond,
}: PaceAsk): Promise<PaceCell> {
  const registry = await Registry.start();
  const line = await slowLine(registry.port, bytesPerSecond);
  const cluster = await Cluster.start();
  const clients: Client[] = [];
  const push = async (repository: string, firstSeed: number, bytes = sizeBytes): Promise<MadeImage> => {
    const layers = [0.6, 0.3, 0.1].map((share, index) => ({
      sizeBytes: Math.round(bytes * share),
      seed: firstSeed + index,
    }));
    const image = makeImage(cluster.path(repository.replace("/", "-")), "v1", { layers });
    await registry.push(image.folder, "v1", `${repository}:v1`);
    return image;
  };
  try {
    await push("team/first", 21, 1000);
    const image = await push("team/app", 1);
    const url = `http://127.0.0.1:${line.port}`;
    // Straight, a registry on loopback is spoken to in clear by every engine.
    const mirrored = name === "docker" ? "docker.io" : "reg.test:5000";
    const registryName = { direct: `127.0.0.1:${line.port}`, mirror: mirrored, forward: "secure.test" }[way];
    const hosts: Role[] = [];
    if (way !== "direct") {
      const manager = await cluster.manager();
      const upstream = ["--proxy-upstream", `${registryName}=${url}`, "--proxy-intercept", "secure.test"];
      for (let host = 0; host < hostCount; host++)
        hosts.push(await cluster.daemon(`h${host}`, manager, ["--proxy-listen", "127.0.0.1:0", ...upstream]));
    }
    for (let index = 0; index < hostCount; index++)
      clients.push(await startClient(name, wayOf(way, registryName, hosts[index])));
    await all(clients, `${registryName}/team/first:v1`);
    await registry.forget();
    const reference = `${registryName}/team/app:v1`;
    const before = line.bytes();
    const cold = await all(clients.slice(0, 1), reference);
    const second = await all(clients.slice(1, 2), reference);
    const later = await all(clients.slice(2), reference);
    const copies = Number(((line.bytes() - before) / image.layerBytes).toFixed(3));
    const times = { coldMs: cold, secondMs: second, laterMs: later };
    const cell = { client: name, way, hosts: hostCount, ...times, copies, ...counts(registry) };
    if (way === "direct") return cell;
    const other = await push("team/crowd", 11);
    const crowdBefore = line.bytes();
    const ms = await all(clients, `${registryName}/team/crowd:v1`);
    const crowdCopies = Number(((line.bytes() - crowdBefore) / other.layerBytes).toFixed(3));
    return { ...cell, crowd: { ms, copies: crowdCopies, ...counts(registry) } };
  } finally {
    await endAll(
      () => Promise.all(clients.map((client) => client.end())),
      () => cluster.end(),
      () => line.close(),
      () => registry.end(),
    );
  }
}

function wayOf(way: PaceWay, registry: string, host: Role | undefined): Way {
  return {
    mirror: host === undefined ? "" : proxyOf(host),
    registry,
    ...(way === "forward" && host !== undefined ? { forward: { authority: authorityOf(host) } } : {}),
    ...(way === "direct" ? { direct: true } : {}),
    pullMsMax,
  };
}
