/**
 * Container engines pull through the proxies of their hosts as HTTPS_PROXY: TLS to listed registries is
 * looked into, with an authority that the engine trusts; everything else passes as a tunnel.
 */

import assert from "node:assert/strict";
import { once } from "node:events";
import { request } from "node:http";
import { createServer, type AddressInfo, type Socket } from "node:net";
import { describe, test } from "node:test";
import { clientNames, programsOf, startClient } from "../images/clients.ts";
import { missing } from "../images/registry.ts";
import { authorityOf, inScene, proxyOf, secureName, type ImageScene } from "../images/scene.ts";
import type { Role } from "../integration/cluster.ts";

const root = process.getuid?.() === 0 ? false : "needs root: container engines";
const skipWithout = (...programs: readonly string[]): string | false =>
  root === false ? missing("docker-registry", "skopeo", ...programs) : root;
const looksInto = ["--proxy-intercept", secureName];
/** However far apart busy hosts come to ask for it. */
const tagsLast = ["--proxy-tag-ttl", "1m"];

describe("forward proxy mode", () => {
  for (const name of clientNames) {
    const skip = skipWithout(...programsOf[name]);
    test(`${name} on two hosts: each blob once from the registry, one look at the tag`, { skip, timeout: 90_000 }, () =>
      inScene(async (scene) => {
        const image = await scene.push("team/app", {
          layers: [
            { sizeBytes: 2_000_000, seed: 1 },
            { sizeBytes: 0, seed: 2 },
          ],
        });
        const hosts = await Promise.all(["h1", "h2"].map((host) => scene.host(host, [...looksInto, ...tagsLast])));
        const ways = hosts.map((host) => ({
          mirror: proxyOf(host),
          registry: secureName,
          forward: { authority: authorityOf(host) },
        }));
        const clients = await Promise.all(ways.map((way) => startClient(name, way)));
        try {
          const pulls = await Promise.all(clients.map((client) => client.pull(`${secureName}/team/app:v1`)));
          for (const { ok, text } of pulls) assert.ok(ok, text);
          await scene.registry.settled();
          for (const digest of image.layers)
            assert.ok((scene.registry.blobGets.get(digest) ?? 0) <= 1, `${digest} once`);
          assert.equal(scene.registry.manifests("GET").length, 1);
          assert.equal(scene.registry.manifests("HEAD").length, 1);
        } finally {
          await Promise.all(clients.map((client) => client.end()));
        }
      }),
    );
  }

  const skip = skipWithout(...programsOf.containerd);
  test("an engine that does not trust the authority says so, and gets nothing", { skip, timeout: 60_000 }, () =>
    inScene(async (scene) => {
      await scene.push("team/app", { layers: [{ sizeBytes: 1000, seed: 1 }] });
      const host = await scene.host("h1", looksInto);
      const way = { mirror: proxyOf(host), registry: secureName, forward: { authority: undefined } };
      const client = await startClient("containerd", way);
      try {
        const { ok, text } = await client.pull(`${secureName}/team/app:v1`);
        assert.ok(!ok);
        assert.match(text, /certificate signed by unknown authority/);
        await scene.registry.settled();
        assert.deepEqual(scene.registry.asked, []);
      } finally {
        await client.end();
      }
    }),
  );

  test(
    "what is not listed is a tunnel: bytes both ways, untouched",
    { skip: missing("docker-registry"), timeout: 30_000 },
    () =>
      inScene(async (scene) => {
        const host = await scene.host("h1", looksInto);
        const echo = createServer((socket) => socket.pipe(socket))
          .listen(0, "127.0.0.1")
          .unref();
        await once(echo, "listening");
        const { port } = echo.address() as AddressInfo;
        const socket = await connectThrough(host, `127.0.0.1:${port}`);
        socket.write("not TLS at all");
        const [heard] = (await once(socket, "data")) as [Buffer];
        assert.equal(heard.toString(), "not TLS at all");
        socket.destroy();
        echo.close();
      }),
  );

  test(
    "plain HTTP goes by the rules: straight, refused, to another server",
    { skip: missing("docker-registry"), timeout: 30_000 },
    () =>
      inScene(async (scene: ImageScene) => {
        const { origin } = scene.cluster;
        origin.serve("/file", { body: Buffer.from("straight") });
        const rules = ["*/secret*=refuse", `http://old.test/*=${origin.base}`].flatMap((rule) => [
          "--proxy-rule",
          rule,
        ]);
        const host = await scene.host("h1", rules);
        assert.deepEqual(await getThrough(host, origin.url("/file")), { status: 200, text: "straight" });
        assert.deepEqual(await getThrough(host, "http://old.test/file"), { status: 200, text: "straight" });
        assert.equal((await getThrough(host, origin.url("/secret/x"))).status, 403);
      }),
  );
});

async function connectThrough(host: Role, target: string): Promise<Socket> {
  const asking = request(proxyOf(host), { method: "CONNECT", path: target, agent: false }).end();
  const [response, socket] = (await once(asking, "connect")) as [{ statusCode: number }, Socket];
  assert.equal(response.statusCode, 200);
  return socket;
}

function getThrough(host: Role, url: string): Promise<{ status: number; text: string }> {
  return new Promise((resolve, reject) => {
    const asking = request(proxyOf(host), { path: url, agent: false }, (response) => {
      let text = "";
      response.setEncoding("utf8").on("data", (part: string) => (text += part));
      response.on("end", () => resolve({ status: response.statusCode ?? 0, text }));
    });
    asking.on("error", reject).end();
  });
}
