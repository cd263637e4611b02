/**
 * Container engines pull through the proxies of their hosts, with configuration only: mirror mode.
 * Needs root (engines) and Debian's packages; without them the tests are skipped and say so.
 */

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { clientNames, programsOf, startClient } from "../images/clients.ts";
import { missing } from "../images/registry.ts";
import { inScene, proxyOf, registryName } from "../images/scene.ts";

const asRoot = process.getuid?.() === 0 ? false : "needs root: container engines";
const skipWithout = (...programs: readonly string[]): string | false =>
  asRoot === false ? missing("docker-registry", "skopeo", ...programs) : asRoot;

const layers = [
  { sizeBytes: 3_000_000, seed: 1 },
  { sizeBytes: 0, seed: 2 },
  { sizeBytes: 1_500_000, seed: 3, compression: "zstd" },
] as const;

/** However far apart busy hosts come to ask for it. */
const tagsLast = ["--proxy-tag-ttl", "1m"];

describe("mirror mode", () => {
  for (const name of clientNames) {
    const skip = skipWithout(...programsOf[name]);
    test(
      `${name} on three hosts: each blob once from the registry, one look at the tag`,
      { skip, timeout: 90_000 },
      () =>
        inScene(async (scene) => {
          // Docker has mirrors of Docker Hub only, and 20.10 knows no zstd.
          const docker = name === "docker";
          const image = await scene.push("team/app", { layers: docker ? layers.slice(0, 2) : layers });
          const reference = `${docker ? "docker.io" : registryName}/team/app:v1`;
          const hosts = await Promise.all(["h1", "h2", "h3"].map((host) => scene.host(host, tagsLast)));
          const clients = await Promise.all(
            hosts.map((host) => startClient(name, { mirror: proxyOf(host), registry: registryName })),
          );
          try {
            const pulls = await Promise.all(clients.map((client) => client.pull(reference)));
            for (const { ok, text } of pulls) assert.ok(ok, text);
            await scene.registry.settled();
            const { blobGets } = scene.registry;
            for (const digest of image.layers) assert.ok((blobGets.get(digest) ?? 0) <= 1, `${digest} once`);
            assert.deepEqual(scene.registry.manifests("GET").length, 1, JSON.stringify(scene.registry.asked));
            assert.deepEqual(scene.registry.manifests("HEAD").length, 1, JSON.stringify(scene.registry.asked));
          } finally {
            await Promise.all(clients.map((client) => client.end()));
          }
        }),
    );
  }
});
