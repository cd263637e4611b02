/** Settings that change while everything runs: one role's, and those of a whole cluster. */

import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import { createNodeHttpJson } from "#platform/http-asks/json.node.ts";
import { endAll } from "../ending.ts";
import { startTestOrigin, type TestOrigin } from "../origin/mod.ts";
import { Place, type UpRunning } from "./darner-up.ts";

const patienceMs = 20_000;
const sizeBytes = 8_000_000;
const longBytes = 24_000_000;

interface Scene {
  readonly place: Place;
  readonly up: UpRunning;
  readonly origin: TestOrigin;
  /** What a role says of one of its settings. */
  readonly shown: (role: "manager" | "daemon", name: string) => Promise<{ value: string; origin: string }>;
  /** Waits until a role has the value. */
  readonly reaches: (role: "manager" | "daemon", name: string, value: string) => Promise<void>;
}

async function scene(t: TestContext): Promise<Scene> {
  const place = new Place();
  const http = createNodeHttpJson();
  const origin = await startTestOrigin();
  t.after(() =>
    endAll(
      () => place.remove(),
      () => origin.close(),
      () => http.close(),
    ),
  );
  origin.serve("/a.bin", { body: { sizeBytes, seed: 9 } });
  origin.serve("/long.bin", { body: { sizeBytes: longBytes, seed: 10 } });
  const up = await place.up();
  const shown: Scene["shown"] = async (role, name) => {
    const where = role === "manager" ? {} : { socketPath: up.socket };
    const url = new URL("/v1/settings", role === "manager" ? up.manager : "http://daemon");
    const answer = (await http.request({ method: "GET", url, timeoutMs: patienceMs, ...where })) as {
      settings: { name: string; value: string; origin: string }[];
    };
    const found = answer.settings.find((setting) => setting.name === name);
    assert.ok(found !== undefined, name);
    return found;
  };
  return {
    place,
    up,
    origin,
    shown,
    reaches: async (role, name, value) => {
      const deadlineMs = performance.now() + patienceMs;
      while ((await shown(role, name)).value !== value) {
        assert.ok(performance.now() < deadlineMs, `${name} of the ${role} becomes ${value} in time`);
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
    },
  };
}

const secondsSince = (startMs: number): number => (performance.now() - startMs) / 1000;

test("a cluster's setting reaches manager and daemon, holds, and is lifted in the middle of a download", async (t) => {
  const { place, up, origin, shown, reaches } = await scene(t);
  const set = (name: string, value: string) =>
    place.run("darner", "set", name, value, "--config-service", up.configService);
  assert.equal((await set("upload-slots", "3")).status, 0);
  await Promise.all([reaches("manager", "upload-slots", "3"), reaches("daemon", "upload-slots", "3")]);
  assert.equal((await shown("daemon", "upload-slots")).origin, "the cluster's settings");

  const limited = await set("daemon.download-rate", "1MB");
  assert.match(limited.stdout, /^daemon\.download-rate is 1MB for the cluster of http:/);
  await reaches("daemon", "download-rate", "1MB");
  const startMs = performance.now();
  const running = place.start("dfget", ["--socket", up.socket, "-O", place.path("a"), origin.url("/long.bin")]);
  await new Promise((resolve) => setTimeout(resolve, 1500));
  assert.equal(running.child.exitCode, null, `24 MB at 1 MB/s take longer than ${secondsSince(startMs)} s`);
  await set("daemon.download-rate", "unlimited");
  const ended = await running.ended;
  assert.equal(ended.status, 0, ended.stderr);
  assert.ok(secondsSince(startMs) < 18, `without the limit the rest comes at once, not in ${secondsSince(startMs)} s`);
  assert.equal((await up.running.stop()).status, 0);
});

test("an operator's change goes before the cluster's, for one process; a mistake is one line", async (t) => {
  const { place, up, origin, shown, reaches } = await scene(t);
  const limited = await place.run("darner", "set", "upload-rate", "2MB", "--url", up.manager);
  assert.equal(limited.stdout, `upload-rate is 2MB at ${up.manager}, until it ends\n`);
  assert.equal((await shown("manager", "upload-rate")).origin, "changed while running");
  assert.equal((await shown("daemon", "upload-rate")).value, "unlimited");
  await place.run("darner", "set", "upload-rate", "9MB", "--config-service", up.configService);
  await reaches("daemon", "upload-rate", "9MB");
  assert.equal((await shown("manager", "upload-rate")).value, "2MB");

  const startMs = performance.now();
  const got = await place.run("dfget", "-q", "--socket", up.socket, "-O", place.path("a"), origin.url("/a.bin"));
  assert.equal(got.status, 0, got.stderr);
  assert.ok(
    secondsSince(startMs) > 1.2,
    `4 MB at 2 MB/s take two seconds, less the first burst, not ${secondsSince(startMs)}`,
  );

  await place.run("darner", "set", "log-level", "error", "--socket", up.socket);
  assert.equal((await shown("daemon", "log-level")).value, "error");
  const wrong = await place.run("darner", "set", "uplod-rate", "1MB", "--socket", up.socket);
  assert.deepEqual([wrong.status, wrong.stdout], [22, ""]);
  assert.match(wrong.stderr, /^darner: cannot change uplod-rate: .*did you mean upload-rate\?\n$/);
  const misplaced = await place.run("darner", "set", "site-ranges", "10.0.0.0/8=paris", "--socket", up.socket);
  assert.match(misplaced.stderr, /site-ranges here: it is the whole cluster's; name its config service/);
  const restart = await place.run("darner", "set", "listen", "127.0.0.1:1", "--socket", up.socket);
  assert.match(restart.stderr, /^darner: cannot change listen while running: it needs a restart\n$/);
  const two = await place.run("darner", "set", "upload-rate", "1MB", "--url", up.manager, "--socket", up.socket);
  assert.equal(two.status, 2);
});
