/**
 * The image proxy before a scripted registry and scripted clients: what engines cannot be made to do at
 * will. The wire patterns of containerd 2.x are imitated here, not run.
 */

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { Agent, request, type IncomingHttpHeaders } from "node:http";
import { test } from "node:test";
import type { ObjectScript } from "../origin/mod.ts";
import { inCluster, until, type Cluster, type Role } from "./cluster.ts";
import { proxyOf, registryName } from "../images/scene.ts";

interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
  /** The answer ended as its head had promised. */
  readonly whole: boolean;
  readonly ms: number;
  /** The longest that nothing came. */
  readonly silentMs: number;
}

interface Asking {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly agent?: Agent;
  /** Hang up after so many bytes. */
  readonly until?: number;
}

function ask(
  host: Role,
  path: string,
  { method = "GET", headers = {}, agent, until: bytesMax }: Asking = {},
): Promise<Answer> {
  const url = `${proxyOf(host)}/v2/team/app/${path}?ns=${encodeURIComponent(registryName)}`;
  const startedMs = performance.now();
  return new Promise((resolve, reject) => {
    const asking = request(url, { method, headers, agent: agent ?? false }, (response) => {
      const parts: Buffer[] = [];
      let cameMs = startedMs;
      let silentMs = 0;
      const end = (): void =>
        resolve({
          status: response.statusCode ?? 0,
          headers: response.headers,
          body: Buffer.concat(parts),
          whole: response.complete,
          ms: performance.now() - startedMs,
          silentMs,
        });
      response.on("data", (part: Buffer) => {
        const nowMs = performance.now();
        silentMs = Math.max(silentMs, nowMs - cameMs);
        cameMs = nowMs;
        parts.push(part);
        if (bytesMax !== undefined && Buffer.concat(parts).length >= bytesMax) response.destroy();
      });
      response.on("end", end).on("error", end).on("close", end);
    });
    asking.on("error", reject).end();
  });
}

const digestOf = (bytes: Uint8Array): string => `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
const noise = (sizeBytes: number): Buffer => {
  const bytes = Buffer.alloc(sizeBytes);
  for (let at = 0, state = 1; at < sizeBytes; at++) bytes[at] = (state = (state * 48_271) % 2_147_483_647) & 0xff;
  return bytes;
};
const layer = noise(3_000_000);
const config = Buffer.from('{"architecture":"amd64","os":"linux"}');
const type = "application/vnd.oci.image.manifest.v1+json";
const manifest = Buffer.from(
  JSON.stringify({
    schemaVersion: 2,
    mediaType: type,
    config: { mediaType: "application/vnd.oci.image.config.v1+json", digest: digestOf(config), size: config.length },
    layers: [{ mediaType: "application/vnd.oci.image.layer.v1.tar", digest: digestOf(layer), size: layer.length }],
  }),
);
const paths = {
  tag: "/v2/team/app/manifests/v1",
  manifest: `/v2/team/app/manifests/${digestOf(manifest)}`,
  layer: `/v2/team/app/blobs/${digestOf(layer)}`,
};
const layerPath = `blobs/${digestOf(layer)}`;

/** The image at a scripted registry; `own` is how its layer misbehaves, or its tag. */
function serve(cluster: Cluster, own: Partial<Record<keyof typeof paths, ObjectScript>> = {}): void {
  const headers = { "docker-content-digest": digestOf(manifest), "content-type": type };
  cluster.serve(paths.tag, { body: manifest, headers, ...own.tag });
  cluster.serve(paths.manifest, { body: manifest, headers, ...own.manifest });
  cluster.serve(paths.layer, { body: layer, ...own.layer });
}

async function hostOf(cluster: Cluster, manager: Role, name = "h1", flags: readonly string[] = []): Promise<Role> {
  const upstream = ["--proxy-upstream", `${registryName}=${cluster.origin.base}`];
  return await cluster.daemon(name, manager, ["--proxy-listen", "127.0.0.1:0", ...upstream, ...flags]);
}

test("a thousand clients ask for one tag in one second through eight proxies: one question to the registry", () =>
  inCluster(async (cluster) => {
    serve(cluster);
    const manager = await cluster.manager();
    const hosts = await Promise.all(
      Array.from({ length: 8 }, (_, index) => hostOf(cluster, manager, `h${index}`, ["--proxy-tag-ttl", "1m"])),
    );
    const agents = hosts.map(() => new Agent({ keepAlive: true, maxSockets: 32 }));
    const asking = Array.from({ length: 1000 }, (_, index) =>
      ask(hosts[index % 8]!, "manifests/v1", { method: "HEAD", agent: agents[index % 8]! }),
    );
    const answers = await Promise.all(asking);
    for (const agent of agents) agent.destroy();
    for (const { status, headers } of answers) {
      assert.equal(status, 200);
      assert.equal(headers["docker-content-digest"], digestOf(manifest));
    }
    assert.equal(cluster.origin.requestsOf(paths.tag).length, 1);
  }));

test("containerd 2's open-ended ranges, each hung up after a chunk, cost no byte twice", () =>
  inCluster(async (cluster) => {
    serve(cluster);
    const manager = await cluster.manager();
    const host = await hostOf(cluster, manager);
    const chunk = 1_000_000;
    const starts = [0, chunk, 2 * chunk];
    const answers = await Promise.all(
      starts.map((start) => ask(host, layerPath, { headers: { range: `bytes=${start}-` }, until: chunk })),
    );
    for (const [index, { status, headers, body }] of answers.entries()) {
      const start = starts[index]!;
      assert.equal(status, 206);
      assert.equal(headers["content-range"], `bytes ${start}-${layer.length - 1}/${layer.length}`);
      assert.ok(body.subarray(0, chunk).equals(layer.subarray(start, start + chunk)));
    }
    const tail = await ask(host, layerPath, { headers: { range: "bytes=-5" } });
    assert.ok(tail.body.equals(layer.subarray(-5)));
    const several = await ask(host, layerPath, { headers: { range: "bytes=0-9, 1500000-2400000, -7" } });
    assert.equal(several.status, 206);
    assert.ok(several.whole, "as long as its head says");
    const parts = [layer.subarray(0, 10), layer.subarray(1_500_000, 2_400_001), layer.subarray(-7)];
    assert.deepEqual(bodiesIn(several).map(digestOf), parts.map(digestOf));
    assert.ok((await ask(host, layerPath)).body.equals(layer));
    assert.ok(cluster.origin.bodyBytes(paths.layer) <= 1.01 * layer.length, `${cluster.origin.bodyBytes(paths.layer)}`);
  }));

/** The parts of a multipart/byteranges answer, each as long as its range says. */
function bodiesIn({ headers, body }: Answer): Buffer[] {
  const [, boundary] = /^multipart\/byteranges; boundary=(.+)$/.exec(headers["content-type"] ?? "") ?? [];
  const bodies: Buffer[] = [];
  for (let at = 0; ;) {
    const head = body.indexOf(`\r\n--${boundary}\r\n`, at);
    if (head < 0) return bodies;
    const start = body.indexOf("\r\n\r\n", head) + 4;
    const [, first, last] = /content-range: bytes (\d+)-(\d+)\/3000000/.exec(body.toString("latin1", head, start))!;
    at = start + Number(last) - Number(first) + 1;
    bodies.push(body.subarray(start, at));
  }
}

test("a registry that cuts a blob in the middle once: the client gets all of it", () =>
  inCluster(async (cluster) => {
    serve(cluster, { layer: { resetAfterBytes: 1_000_000, misbehavesTimes: 1 } });
    const host = await hostOf(cluster, await cluster.manager());
    const { status, body } = await ask(host, layerPath);
    assert.equal(status, 200);
    assert.ok(body.equals(layer));
  }));

test("wrong bytes from the registry never end well: the client sees its answer cut", () =>
  inCluster(async (cluster) => {
    const wrong = Buffer.from(layer);
    wrong[2_999_999]! ^= 1;
    serve(cluster, { layer: { body: wrong } });
    const host = await hostOf(cluster, await cluster.manager());
    const { whole, body } = await ask(host, layerPath);
    assert.ok(!whole || body.length < layer.length, "no whole answer");
    assert.ok(body.length < layer.length);
  }));

test("the registry's own refusals reach the client; containerd hears no 429", () =>
  inCluster(async (cluster) => {
    serve(cluster);
    const host = await hostOf(cluster, await cluster.manager());
    for (const status of [403, 404, 500]) {
      serve(cluster, { tag: { status } });
      assert.equal((await ask(host, "manifests/v1")).status, status);
      await new Promise((resolve) => setTimeout(resolve, 1100));
    }
    serve(cluster, { tag: { status: 429, retryAfter: "1" } });
    const containerd = await ask(host, "manifests/v1", { headers: { "user-agent": "containerd/2.1.0" } });
    assert.equal(containerd.status, 503);
    serve(cluster, { tag: { status: 429, retryAfter: "1", misbehavesTimes: 1 } });
    assert.equal((await ask(host, "manifests/v1")).status, 200, "asked again while the client waits");
  }));

test("a tag that the registry has lost is gone; one that it cannot tell is told stale", () =>
  inCluster(async (cluster) => {
    serve(cluster);
    const host = await hostOf(cluster, await cluster.manager(), "h1", ["--proxy-tag-ttl", "0s"]);
    assert.equal((await ask(host, "manifests/v1")).status, 200);
    serve(cluster, { tag: { status: 500 } });
    const stale = await ask(host, "manifests/v1");
    assert.equal(stale.status, 200);
    assert.match(String(stale.headers["warning"]), /^299 /);
    serve(cluster, { tag: { status: 404 } });
    assert.equal((await ask(host, "manifests/v1")).status, 404);
  }));

test("blobs behind redirects to signed addresses: followed by the manager, the signature no part of the key", () =>
  inCluster(async (cluster) => {
    cluster.serve("/store/layer", { body: layer });
    serve(cluster, { layer: { redirectTo: `${cluster.origin.base}/store/layer?X-Amz-Signature=1` } });
    const manager = await cluster.manager();
    const hosts = [await hostOf(cluster, manager), await hostOf(cluster, manager, "h2")];
    for (const host of hosts) assert.ok((await ask(host, layerPath)).body.equals(layer));
    const gets = cluster.origin.requestsOf("/store/layer").filter(({ method }) => method === "GET");
    assert.equal(gets.length, 1);
  }));

test("the manager dies in the middle of a pull: the client ends with the right bytes", { timeout: 60_000 }, () =>
  inCluster(async (cluster) => {
    serve(cluster, { layer: { rateBytesPerSecond: 600_000 } });
    const manager = await cluster.manager("manager", ["--piece-bytes", "256KiB"]);
    const host = await hostOf(cluster, manager, "h1", ["--origin-fallback-after", "1s"]);
    const pull = ask(host, layerPath);
    await until(() => cluster.origin.bodyBytes(paths.layer) > 1_000_000, "a part of it has come");
    await manager.end("SIGKILL");
    serve(cluster);
    const { status, body } = await pull;
    assert.equal(status, 200);
    assert.ok(body.equals(layer));
  }),
);

test("a slow registry and a long piece: nobody loses patience while bytes come", { timeout: 60_000 }, () =>
  inCluster(async (cluster) => {
    serve(cluster, { layer: { rateBytesPerSecond: 350_000 } });
    const manager = await cluster.manager("manager", ["--piece-bytes", "4MiB"]);
    const hosts = [await hostOf(cluster, manager), await hostOf(cluster, manager, "h2")];
    const answers = await Promise.all(hosts.map((host) => ask(host, layerPath)));
    for (const { status, body, ms } of answers) {
      assert.equal(status, 200);
      assert.ok(body.equals(layer));
      assert.ok(ms > 6000, "longer than the patience of a proxy that hears nothing");
    }
    const gets = cluster.origin.requestsOf(paths.layer).filter(({ method }) => method === "GET");
    assert.equal(gets.length, 1);
    for (const host of hosts) assert.equal(host.entries("image.rescued").length, 0);
  }),
);

test("a cluster that falls silent in mid-pull: the rest comes straight after five seconds", { timeout: 60_000 }, () =>
  inCluster(async (cluster) => {
    serve(cluster, { layer: { rateBytesPerSecond: 600_000 } });
    const manager = await cluster.manager("manager", ["--piece-bytes", "256KiB"]);
    const host = await hostOf(cluster, manager);
    const pull = ask(host, layerPath);
    await until(() => cluster.origin.bodyBytes(paths.layer) > 1_000_000, "a part of it has come");
    manager.signal("SIGSTOP");
    serve(cluster);
    const { status, body, silentMs } = await pull;
    assert.equal(status, 200);
    assert.ok(body.equals(layer));
    assert.ok(silentMs > 4000 && silentMs < 9000, `${silentMs} ms of silence`);
  }),
);

test("a page that reaches the proxy under a name of its own gets nothing", () =>
  inCluster(async (cluster) => {
    serve(cluster);
    const host = await hostOf(cluster, await cluster.manager());
    assert.equal((await ask(host, "manifests/v1", { headers: { host: "evil.test" } })).status, 403);
  }));
