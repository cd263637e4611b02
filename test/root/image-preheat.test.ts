/**
 * Preheating: what was ordered is there before anybody asks, under the very key that engines ask for:
 * after a preheat no byte of the image is asked of the registry again. By the command, by Harbor's calls
 * and by a registry's own word.
 */

import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { once } from "node:events";
import { request } from "node:http";
import { createServer, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { endAll } from "../ending.ts";
import { Place, type UpRunning } from "../integration/darner-up.ts";
import { clientNames, programsOf, startClient, type ClientName } from "../images/clients.ts";
import { makeImage, type ImageScript, type MadeImage } from "../images/make-image.ts";
import { missing, Registry } from "../images/registry.ts";
import { registryName } from "../images/scene.ts";

const root = process.getuid?.() === 0 ? false : "needs root: container engines";
const without = missing("docker-registry", "skopeo");
const layers = [
  { sizeBytes: 1_500_000, seed: 21 },
  { sizeBytes: 0, seed: 22 },
] as const;

interface Scene {
  readonly place: Place;
  readonly up: UpRunning;
  readonly registry: Registry;
  readonly proxy: string;
  push(name: string, script: ImageScript): Promise<MadeImage>;
}

async function inScene(tell: (scene: Scene) => Promise<void>): Promise<void> {
  const registry = await Registry.start();
  const folder = mkdtempSync(join(tmpdir(), "darner-preheat-"));
  const place = new Place();
  try {
    writeFileSync(place.path("darner.yaml"), 'config-service:\n  preheat-on-push: "team/*"\n');
    const upstreams = `${registryName}=${registry.url},docker.io=${registry.url}`;
    const up = await place.up("--proxy-upstream", upstreams, "--config", place.path("darner.yaml"));
    const proxy = /"proxy":"(http:[^"]+)"/.exec(await up.running.until(/"proxy":"/))![1]!;
    const push = async (name: string, script: ImageScript): Promise<MadeImage> => {
      const image = makeImage(join(folder, name.replaceAll("/", "-")), "v1", script);
      await registry.push(image.folder, "v1", `${name}:v1`);
      return image;
    };
    await tell({ place, up, registry, proxy, push });
  } finally {
    await endAll(
      () => place.remove(),
      () => registry.end(),
      () => rmSync(folder, { recursive: true, force: true }),
    );
  }
}

function preheat({ place, up, registry }: Scene, ...words: string[]) {
  const own = words[0] === "image" ? ["--registry-url", registry.url] : [];
  return place.run("darner", "preheat", ...words, ...own, "--config-service", up.configService);
}

async function ask(
  url: string,
  method: string,
  body?: unknown,
): Promise<{ status: number; json: Record<string, unknown> }> {
  return await new Promise((resolve, reject) => {
    const asking = request(
      url,
      { method, agent: false, headers: { "content-type": "application/json" } },
      (response) => {
        let text = "";
        response.setEncoding("utf8").on("data", (part: string) => (text += part));
        response.on("end", () =>
          resolve({
            status: response.statusCode ?? 0,
            json: text.startsWith("{") ? (JSON.parse(text) as Record<string, unknown>) : {},
          }),
        );
      },
    );
    asking.on("error", reject).end(body === undefined ? undefined : JSON.stringify(body));
  });
}

/** A pull takes what was preheated: of the registry it asks the tag, and nothing more. */
async function assertPullIsWarm(scene: Scene, name: ClientName): Promise<void> {
  const client = await startClient(name, { mirror: scene.proxy, registry: registryName });
  try {
    await scene.registry.forget();
    const { ok, text } = await client.pull(`${name === "docker" ? "docker.io" : registryName}/team/app:v1`);
    assert.ok(ok, text);
    await scene.registry.settled();
    const gets = scene.registry.asked.filter(({ method }) => method === "GET");
    assert.deepEqual(
      gets.filter(({ path }) => path !== "/v2/"),
      [],
      `${name} asks the registry for no content`,
    );
  } finally {
    await client.end();
  }
}

describe("preheat", () => {
  const skip = root === false ? missing("docker-registry", ...clientNames.flatMap((name) => programsOf[name])) : root;
  test("an image to hosts: afterwards every engine's pull finds it under its key", { skip, timeout: 120_000 }, () =>
    inScene(async (scene) => {
      await scene.push("team/app", { layers });
      const { status, stdout, stderr } = await preheat(scene, "image", `${registryName}/team/app:v1`, "--hosts", "all");
      assert.equal(status, 0, stderr);
      assert.match(stdout, /^1 {2}done .* 4\/4 objects, \d+ bytes, 1\/1 hosts$/m);
      for (const name of clientNames) await assertPullIsWarm(scene, name);
    }),
  );

  test("only the platforms asked for; a file; what fails says why", { skip: without, timeout: 60_000 }, () =>
    inScene(async (scene) => {
      await scene.push("team/multi", { layers, platforms: ["linux/amd64", "linux/arm64"] });
      const one = await preheat(scene, "image", `${registryName}/team/multi:v1`, "--platform", "linux/arm64");
      assert.match(one.stdout, / 5\/5 objects/, one.stderr);
      const gone = await preheat(scene, "image", `${registryName}/team/none:v1`);
      assert.equal(gone.status, 101);
      assert.match(gone.stderr, /its registry answers 404/);
      const file = await preheat(scene, "file", `${scene.registry.url}/v2/`);
      assert.match(file.stdout, /^3 {2}done .* 1\/1 objects, 2 bytes$/m, file.stderr);
    }),
  );

  test("orders outlive the config service; a cancelled one ends", { skip: without, timeout: 60_000 }, () =>
    inScene(async (scene) => {
      await scene.push("team/app", { layers });
      await preheat(scene, "image", `${registryName}/team/app:v1`);
      const silent = createServer().listen(0, "127.0.0.1").unref();
      await once(silent, "listening");
      const never = `http://127.0.0.1:${(silent.address() as AddressInfo).port}/never.bin`;
      const open = await preheat(scene, "file", never, "--no-wait");
      assert.match(open.stdout, /^2 {2}open /m, open.stderr);
      const cancelled = await preheat(scene, "cancel", "2");
      assert.match(cancelled.stdout, /^2 {2}cancelled /m);
      await scene.up.running.stop();
      const again = await scene.place.up();
      const { stdout } = await scene.place.run("darner", "preheat", "list", "--config-service", again.configService);
      assert.match(stdout, /^1 {2}done /m);
      assert.match(stdout, /^2 {2}cancelled /m);
      silent.close();
    }),
  );

  test("Harbor's provider Dragonfly, as Harbor calls it", { skip: without, timeout: 60_000 }, () =>
    inScene(async (scene) => {
      await scene.push("team/app", { layers });
      const { configService } = scene.up;
      assert.equal((await ask(`${configService}/healthy`, "GET")).status, 200);
      const job = await ask(`${configService}/oapi/v1/jobs`, "POST", {
        type: "preheat",
        args: {
          type: "image",
          url: `${scene.registry.url}/v2/team/app/manifests/v1`,
          headers: {},
          scope: "all_peers",
          tag: "",
          filtered_query_params: "",
          concurrent_count: 0,
          timeout: 0,
        },
        scheduler_cluster_ids: null,
      });
      assert.equal(job.status, 200);
      assert.equal(typeof job.json["id"], "number");
      assert.equal(job.json["state"], "PENDING");
      const done = await untilOver(() => ask(`${configService}/oapi/v1/jobs/${String(job.json["id"])}`, "GET"));
      assert.equal(done["state"], "SUCCESS");
      const { job_states: states } = done["result"] as {
        job_states: readonly { results: readonly { success_tasks: readonly { hostname: string }[] }[] }[];
      };
      assert.equal(states[0]!.results[0]!.success_tasks.length, 1);
      if (skip === false) await assertPullIsWarm(scene, "containerd");
    }),
  );

  test("a registry tells of a push: what a pattern names is preheated", { skip: without, timeout: 60_000 }, () =>
    inScene(async (scene) => {
      const image = await scene.push("team/app", { layers });
      const event = (repository: string) => ({
        action: "push",
        target: {
          mediaType: "application/vnd.oci.image.manifest.v1+json",
          repository,
          digest: image.digest,
          url: `${scene.registry.url}/v2/${repository}/manifests/${image.digest}`,
          tag: "v1",
        },
      });
      const { configService } = scene.up;
      const events = [event("team/app"), event("other/app"), { ...event("team/app"), action: "pull" }];
      const { json } = await ask(`${configService}/v1/registry-events`, "POST", { events });
      assert.equal(json["preheats"], 1);
      const done = await untilOver(() => ask(`${configService}/v1/preheats/1`, "GET"));
      assert.equal(done["state"], "done");
      if (skip === false) await assertPullIsWarm(scene, "containerd");
    }),
  );
});

async function untilOver(look: () => Promise<{ json: Record<string, unknown> }>): Promise<Record<string, unknown>> {
  for (let count = 0; count < 200; count++) {
    const { json } = await look();
    if (json["state"] !== "PENDING" && json["state"] !== "open") return json;
    await delay(100);
  }
  throw new Error("the order is not over");
}
