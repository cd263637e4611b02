/**
 * Images behind a token service, as Docker Hub's are: whoever pulls through a mirror gets its token at
 * the mirror, for the registry that is meant, with its own credential or with none.
 */

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { endAll } from "../ending.ts";
import { programsOf, startClient, type ClientName } from "../images/clients.ts";
import { missing } from "../images/registry.ts";
import { ImageScene, proxyOf, registryName } from "../images/scene.ts";
import { tokenService, TokenServer } from "../images/token-server.ts";

const root = process.getuid?.() === 0 ? false : "needs root: container engines";
const clients: readonly ClientName[] = ["podman", "containerd", "docker"];

async function behindTokens(tell: (scene: ImageScene, tokens: TokenServer) => Promise<void>): Promise<void> {
  const tokens = await TokenServer.start();
  const { realm, rootCertificate } = tokens;
  const scene = await ImageScene.start({ token: { realm, rootCertificate, ...tokenService } });
  try {
    await tell(scene, tokens);
  } finally {
    await endAll(
      () => scene.end(),
      () => tokens.end(),
    );
  }
}

describe("behind a token service", () => {
  for (const name of clients) {
    const skip = root === false ? missing("docker-registry", "skopeo", ...programsOf[name]) : root;
    const registry = name === "docker" ? "docker.io" : registryName;

    test(
      `${name}: a private image with the right credential, on two hosts; none without`,
      { skip, timeout: 90_000 },
      () =>
        behindTokens(async (scene) => {
          const image = await scene.push("team/secret", { layers: [{ sizeBytes: 1_000_000, seed: 7 }] }, "anna:secret");
          const hosts = await Promise.all(["h1", "h2"].map((host) => scene.host(host)));
          const engines = await Promise.all(
            hosts.map((host) => startClient(name, { mirror: proxyOf(host), registry: registryName })),
          );
          try {
            const reference = `${registry}/team/secret:v1`;
            for (const engine of engines) {
              const { ok, text } = await engine.pull(reference, "anna:secret");
              assert.ok(ok, text);
            }
            await scene.registry.settled();
            for (const digest of image.layers) assert.equal(scene.registry.blobGets.get(digest), 1);
            const heads = scene.registry.manifests("HEAD").filter(({ status }) => status === 200);
            // One for each credential: containerd fetches a token to resolve and another one to pull.
            assert.ok(heads.length <= hosts.length * (name === "containerd" ? 2 : 1), JSON.stringify(heads));
            await engines[0]!.forget(reference);
            const without = await engines[0]!.pull(reference);
            assert.ok(!without.ok, "a warm host gives nothing without a credential");
          } finally {
            await Promise.all(engines.map((engine) => engine.end()));
          }
        }),
    );

    test(`${name}: a public image, without a credential`, { skip, timeout: 60_000 }, () =>
      behindTokens(async (scene, tokens) => {
        await scene.push("public/app", { layers: [{ sizeBytes: 1_000_000, seed: 8 }] }, "anna:secret");
        const host = await scene.host("h1");
        tokens.given.length = 0;
        const engine = await startClient(name, { mirror: proxyOf(host), registry: registryName });
        try {
          const { ok, text } = await engine.pull(`${registry}/public/app:v1`);
          assert.ok(ok, text);
          assert.ok(tokens.given.length > 0 && tokens.given.every((credential) => credential === undefined));
        } finally {
          await engine.end();
        }
      }),
    );
  }
});
