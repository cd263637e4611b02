/**
 * One layer that is longer than any memory, from a registry that makes it up: by a scripted client, or by
 * container engines. What is looked for is what the daemon and its manager keep in memory meanwhile.
 */

import assert from "node:assert/strict";
import { fork, type ChildProcess } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { get, type IncomingMessage } from "node:http";
import { join } from "node:path";
import { endAll } from "../../test/ending.ts";
import { startClient, type ClientName } from "../../test/images/clients.ts";
import { proxyOf, registryName } from "../../test/images/scene.ts";
import { Cluster, type Role } from "../../test/integration/cluster.ts";
import type { SparseImage } from "./sparse-upstream.ts";

const pullMsMax = 20 * 60_000;

export interface BigLayer {
  readonly client: ClientName | "script";
  readonly layerBytes: number;
  readonly ms: number;
  readonly mbytesASecond: number;
  /** The most that was resident at any time. */
  readonly daemonPeakMB: number;
  readonly managerPeakMB: number;
}

export async function bigLayer(client: BigLayer["client"], fileBytes: number): Promise<BigLayer> {
  const upstream = fork(join(import.meta.dirname, "sparse-upstream.ts"), [String(fileBytes)]);
  const cluster = await Cluster.start();
  try {
    const [image] = (await once(upstream, "message")) as [SparseImage];
    const room = `${Math.ceil(fileBytes / 2 ** 30) + 4}GiB`;
    const manager = await cluster.manager("manager", ["--disk-quota", room]);
    const origin = `http://127.0.0.1:${image.port}`;
    const proxy = [
      "--proxy-listen",
      "127.0.0.1:0",
      "--proxy-upstream",
      `${registryName}=${origin},docker.io=${origin}`,
    ];
    const host = await cluster.daemon("h1", manager, ["--cache-quota", room, ...proxy]);
    // Two hosts make a swarm, and its pieces as long as they come: 16 MiB.
    await cluster.daemon("h2", manager);
    const startedMs = performance.now();
    await (client === "script" ? pullByScript(host, image) : pullByEngine(client, host));
    const ms = performance.now() - startedMs;
    const { layerBytes } = image;
    const mbytesASecond = Math.round(layerBytes / 1000 / ms);
    const peaks = { daemonPeakMB: peakMB(host), managerPeakMB: peakMB(manager) };
    return { client, layerBytes, ms: Math.round(ms), mbytesASecond, ...peaks };
  } finally {
    await endAll(
      () => cluster.end(),
      () => ended(upstream),
    );
  }
}

/** Reads the layer and compares its digest; keeps nothing. */
async function pullByScript(host: Role, { layer, layerBytes }: SparseImage): Promise<void> {
  const url = `${proxyOf(host)}/v2/team/app/blobs/${layer}?ns=${encodeURIComponent(registryName)}`;
  const [response] = (await once(get(url, { agent: false }), "response")) as [IncomingMessage];
  assert.equal(response.statusCode, 200);
  const hash = createHash("sha256");
  let count = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    hash.update(chunk);
    count += chunk.length;
  }
  assert.equal(count, layerBytes);
  assert.equal(`sha256:${hash.digest("hex")}`, layer);
}

async function pullByEngine(name: ClientName, host: Role): Promise<void> {
  const engine = await startClient(name, { mirror: proxyOf(host), registry: registryName, pullMsMax });
  try {
    const { ok, text } = await engine.pull(`${name === "docker" ? "docker.io" : registryName}/team/app:v1`);
    assert.ok(ok, text);
  } finally {
    await engine.end();
  }
}

function peakMB({ pid }: Role): number {
  const [, kib] = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))!;
  return Math.round((Number(kib) * 1024) / 1e6);
}

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const closed = once(child, "close");
  child.kill("SIGKILL");
  await closed;
}
