/**
 * Private images: a host whose credential is good pulls, one without gets the registry's refusal and
 * not a byte, from its own proxy, from the manager, and from whatever is warm on the way.
 */

import assert from "node:assert/strict";
import { request } from "node:http";
import { test } from "node:test";
import { programsOf, startClient } from "../images/clients.ts";
import { missing } from "../images/registry.ts";
import { inScene, proxyOf, registryName } from "../images/scene.ts";

const root = process.getuid?.() === 0 ? false : "needs root: container engines";
const skip = root === false ? missing("docker-registry", "skopeo", ...programsOf.containerd) : root;
/** The password is "secret". */
const htpasswd = "anna:$2b$05$abcdefghijklmnopqrstuuOQiyCxlgf/oeuTqixKmWdcYUh4Hjl0a\n";

interface Answer {
  readonly status: number;
  readonly challenge: string | undefined;
  readonly bytes: number;
}

function get(url: string, authorization?: string): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const headers = authorization === undefined ? {} : { authorization };
    request(url, { headers, agent: false }, (response) => {
      let bytes = 0;
      response.on("data", (chunk: Buffer) => (bytes += chunk.length));
      response.on("end", () =>
        resolve({ status: response.statusCode ?? 0, challenge: response.headers["www-authenticate"], bytes }),
      );
    })
      .on("error", reject)
      .end();
  });
}

test(
  "a private image: the right credential pulls, none and a wrong one get 401 and nothing",
  { skip, timeout: 60_000 },
  () =>
    inScene(
      async (scene) => {
        const image = await scene.push("team/secret", { layers: [{ sizeBytes: 2_000_000, seed: 5 }] }, "anna:secret");
        const [first, second, third] = await Promise.all(["h1", "h2", "h3"].map((name) => scene.host(name)));
        const client = await startClient("containerd", { mirror: proxyOf(first!), registry: registryName });
        try {
          const pull = await client.pull(`${registryName}/team/secret:v1`, "anna:secret");
          assert.ok(pull.ok, pull.text);
          const [layer] = image.layers;
          const paths = ["manifests/v1", `manifests/${image.digest}`, `blobs/${layer}`];
          const good = `Basic ${Buffer.from("anna:secret").toString("base64")}`;
          const bad = `Basic ${Buffer.from("anna:wrong").toString("base64")}`;
          for (const host of [first!, second!]) {
            for (const path of paths) {
              const url = `${proxyOf(host)}/v2/team/secret/${path}?ns=${encodeURIComponent(registryName)}`;
              for (const authorization of [undefined, bad]) {
                const answer = await get(url, authorization);
                assert.equal(answer.status, 401, `${host.name} ${path} ${authorization}`);
                assert.match(answer.challenge ?? "", /^Basic/);
                assert.ok(answer.bytes < 500, "no content");
              }
            }
          }
          // By the side of the proxy, of a host that never had it and of the warm one: the digest alone.
          for (const host of [second!, first!]) {
            const wanted = `${scene.registry.url}/v2/team/secret/blobs/${layer}`;
            const { status, stderr } = await scene.cluster.dfget(host, wanted, `${host.name}.out`, ["--digest", layer!])
              .outcome;
            assert.equal(status, 60, `${host.name}: ${stderr}`);
          }
          // The right credential on the third host: what the swarm has is not asked for again.
          await scene.registry.forget();
          const url = `${proxyOf(third!)}/v2/team/secret/blobs/${layer}?ns=${encodeURIComponent(registryName)}`;
          assert.equal((await get(url, good)).status, 200);
          await scene.registry.settled();
          assert.equal(scene.registry.blobGets.size, 0, JSON.stringify(scene.registry.asked));
        } finally {
          await client.end();
        }
      },
      { htpasswd },
    ),
);
