/**
 * `npm run matrix`: container engines as they are, each through each way in, cold and warm, against the
 * same engine straight at the same registry behind the same slow line. One line of JSON for each cell
 * goes to bench/results/image.jsonl, with the machine's facts.
 *
 *     npm run matrix -- [--size-mb 60] [--mbit 200] [--hosts 4] [--client skopeo]
 */

import assert from "node:assert/strict";
import { appendFileSync } from "node:fs";
import { once } from "node:events";
import { loadavg } from "node:os";
import { createServer, connect, type AddressInfo, type Server } from "node:net";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { parseArgs } from "node:util";
import { machineFacts } from "../machine.ts";
import { clientNames, programsOf, startClient, type ClientName, type Way } from "../../test/images/clients.ts";
import { makeImage } from "../../test/images/make-image.ts";
import { missing, Registry } from "../../test/images/registry.ts";
import { authorityOf, proxyOf } from "../../test/images/scene.ts";
import { Cluster, type Role } from "../../test/integration/cluster.ts";

const { values } = parseArgs({
  options: {
    "size-mb": { type: "string", default: "60" },
    "mbit": { type: "string", default: "200" },
    "hosts": { type: "string", default: "4" },
    "client": { type: "string" },
  },
});
const sizeBytes = Number(values["size-mb"]) * 1_000_000;
const bytesPerSecond = Number(values.mbit) * 125_000;
const hostCount = Number(values.hosts);
const names = clientNames.filter((name) => values.client === undefined || values.client === name);
const ways = ["mirror", "forward"] as const;
const resultsFile = join(import.meta.dirname, "../results/image.jsonl");

/** A line to the registry that gives so many bytes a second to all who come, and counts them. */
async function slowLine(port: number): Promise<{ port: number; bytes: () => number; close: () => void }> {
  let sent = 0;
  let freeAtMs = performance.now();
  const server: Server = createServer((near) => {
    const far = connect(port, "127.0.0.1");
    near.pipe(far);
    let queue: Promise<unknown> = Promise.resolve();
    far.on("data", (chunk: Buffer) => {
      sent += chunk.length;
      freeAtMs = Math.max(freeAtMs, performance.now()) + (chunk.length / bytesPerSecond) * 1000;
      const atMs = freeAtMs;
      far.pause();
      queue = queue.then(async () => {
        await delay(Math.max(0, atMs - performance.now()));
        near.write(chunk);
        far.resume();
      });
    });
    far.on("end", () => void queue.then(() => near.end()));
    for (const socket of [near, far]) socket.on("error", () => (near.destroy(), far.destroy()));
    near.on("close", () => far.destroy());
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  return { port: (server.address() as AddressInfo).port, bytes: () => sent, close: () => server.close() };
}

interface Cell {
  readonly client: ClientName;
  readonly way: "direct" | (typeof ways)[number];
  readonly hosts: number;
  /** Of the first host alone, and of the others after it, all at once. */
  readonly coldMs: number;
  readonly laterMs: number;
  /** Bytes that came over the slow line, against the image's. */
  readonly copies: number;
  readonly manifestGets: number;
  readonly heads: number;
  readonly blobGetsMax: number;
}

async function measure(name: ClientName, way: Cell["way"]): Promise<Cell> {
  const registry = await Registry.start();
  const line = await slowLine(registry.port);
  const cluster = await Cluster.start();
  try {
    const layers = [0.6, 0.3, 0.1].map((share, index) => ({
      sizeBytes: Math.round(sizeBytes * share),
      seed: index + 1,
    }));
    const image = makeImage(cluster.path("image"), "v1", { layers });
    await registry.push(image.folder, "v1", "team/app:v1");
    const url = `http://127.0.0.1:${line.port}`;
    // Straight, a registry on loopback is spoken to in clear by every engine.
    const straight = `127.0.0.1:${line.port}`;
    const registryName =
      way === "direct"
        ? straight
        : way === "forward"
          ? "secure.test"
          : name === "docker"
            ? "docker.io"
            : "reg.test:5000";
    const hosts: Role[] = [];
    if (way !== "direct") {
      const manager = await cluster.manager();
      const flags = [
        "--proxy-listen",
        "127.0.0.1:0",
        "--proxy-upstream",
        `${registryName}=${url}`,
        "--proxy-intercept",
        "secure.test",
      ];
      for (let host = 0; host < hostCount; host++) hosts.push(await cluster.daemon(`h${host}`, manager, flags));
    }
    const wayOf = (host: Role | undefined): Way => ({
      mirror: host === undefined ? "" : proxyOf(host),
      registry: registryName,
      ...(way === "forward" ? { forward: { authority: authorityOf(host!) } } : {}),
      ...(way === "direct" ? { direct: true } : {}),
    });
    const count = way === "direct" ? hostCount : hosts.length;
    const clients = [];
    for (let index = 0; index < count; index++) clients.push(await startClient(name, wayOf(hosts[index])));
    const reference = `${registryName}/team/app:v1`;
    const before = line.bytes();
    const cold = await clients[0]!.pull(reference);
    assert.ok(cold.ok, cold.text);
    const startedMs = performance.now();
    const later = await Promise.all(clients.slice(1).map((client) => client.pull(reference)));
    const laterMs = performance.now() - startedMs;
    for (const { ok, text } of later) assert.ok(ok, text);
    await Promise.all(clients.map((client) => client.end()));
    return {
      client: name,
      way,
      hosts: count,
      coldMs: Math.round(cold.ms),
      laterMs: Math.round(laterMs),
      copies: Number(((line.bytes() - before) / image.layerBytes).toFixed(3)),
      manifestGets: registry.manifests("GET").length,
      heads: registry.manifests("HEAD").length,
      blobGetsMax: Math.max(0, ...registry.blobGets.values()),
    };
  } finally {
    await cluster.end();
    line.close();
    await registry.end();
  }
}

const facts = machineFacts();
const absent = missing("docker-registry", "skopeo", ...names.flatMap((name) => programsOf[name]));
if (absent !== false || process.getuid?.() !== 0) {
  console.error(`npm run matrix: ${absent === false ? "needs root" : absent}`);
  process.exit(1);
}
console.log(`${values["size-mb"]} MB in three layers, ${hostCount} hosts, registry behind ${values.mbit} Mbit/s`);
console.log("client      way      first host   the others   copies  manifest GETs/HEADs");
for (const name of names) {
  for (const way of ["direct", ...ways] as const) {
    const cell = await measure(name, way);
    const times =
      `${(cell.coldMs / 1000).toFixed(2)} s`.padEnd(13) + `${(cell.laterMs / 1000).toFixed(2)} s`.padEnd(13);
    console.log(
      `${name.padEnd(12)}${way.padEnd(9)}${times}${String(cell.copies).padEnd(8)}${cell.manifestGets}/${cell.heads}`,
    );
    const load = Number(loadavg()[0]!.toFixed(1));
    const what = { bench: "image", load, sizeBytes, mbit: Number(values.mbit), ...cell };
    appendFileSync(resultsFile, `${JSON.stringify({ ...what, machine: facts })}\n`);
  }
}
