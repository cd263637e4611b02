/**
 * How many manifests by digest a second one warm proxy answers, beside docker-registry in the same run:
 * 16 kept connections each, a few seconds each.
 *
 *     node bench/image/rate.ts [--seconds 3]
 */

import assert from "node:assert/strict";
import { appendFileSync } from "node:fs";
import { Agent, get } from "node:http";
import { loadavg } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { machineFacts } from "../machine.ts";
import { ImageScene, proxyOf, registryName } from "../../test/images/scene.ts";

const { values } = parseArgs({ options: { seconds: { type: "string", default: "3" } } });
const connections = 16;

async function rateOf(url: string): Promise<number> {
  const agent = new Agent({ keepAlive: true, maxSockets: connections });
  const endMs = performance.now() + Number(values.seconds) * 1000;
  let answers = 0;
  const one = (): Promise<void> =>
    new Promise((resolve, reject) => {
      get(url, { agent, headers: { accept: "application/vnd.oci.image.manifest.v1+json" } }, (response) => {
        response.resume().on("end", () => {
          assert.equal(response.statusCode, 200);
          answers++;
          resolve();
        });
      }).on("error", reject);
    });
  await one();
  answers = 0;
  const loop = async (): Promise<void> => {
    while (performance.now() < endMs) await one();
  };
  await Promise.all(Array.from({ length: connections }, loop));
  agent.destroy();
  return Math.round(answers / Number(values.seconds));
}

const scene = await ImageScene.start();
try {
  const image = await scene.push("team/app", { layers: [{ sizeBytes: 1000, seed: 1 }] });
  const host = await scene.host("h1");
  const path = `/v2/team/app/manifests/${image.digest}`;
  const registry = await rateOf(`${scene.registry.url}${path}`);
  const proxy = await rateOf(`${proxyOf(host)}${path}?ns=${encodeURIComponent(registryName)}`);
  const load = Number(loadavg()[0]!.toFixed(1));
  const result = {
    bench: "manifest-rate",
    load,
    connections,
    registry,
    proxy,
    ratio: Number((proxy / registry).toFixed(2)),
  };
  console.log(`manifests a second: docker-registry ${registry}, one warm proxy ${proxy} (${result.ratio} x)`);
  appendFileSync(
    join(import.meta.dirname, "../results/image.jsonl"),
    `${JSON.stringify({ ...result, machine: machineFacts() })}\n`,
  );
} finally {
  await scene.end();
}
