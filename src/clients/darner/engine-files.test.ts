/** Engines' configuration with Darner in it, and without it again. */

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { engines, planEngine, showChange, type EngineWish } from "./engine-files.ts";

const wish = (engine: EngineWish["engine"], undo = false): EngineWish => ({
  engine,
  proxyUrl: "http://127.0.0.1:65001",
  registries: ["docker.io", "reg.test:5000"],
  undo,
});

/** Plays a plan on files in memory. */
function apply(files: ReadonlyMap<string, string>, plan: ReturnType<typeof planEngine>): Map<string, string> {
  const next = new Map(files);
  for (const { path, after } of plan.changes) {
    if (after === undefined) next.delete(path);
    else next.set(path, after);
  }
  return next;
}

const reader = (files: ReadonlyMap<string, string>) => (path: string) => files.get(path);

for (const engine of engines) {
  test(`${engine}: what is configured is taken back to nothing, and twice is once`, () => {
    const none = new Map<string, string>();
    const with1 = apply(none, planEngine(wish(engine), reader(none)));
    assert.ok(with1.size > 0);
    assert.deepEqual(apply(with1, planEngine(wish(engine), reader(with1))), with1);
    assert.deepEqual(apply(with1, planEngine(wish(engine, true), reader(with1))), none);
  });
}

describe("docker", () => {
  const path = "/etc/docker/daemon.json";
  const own = { "data-root": "/srv/docker", "registry-mirrors": ["https://mirror.test"] };

  test("what somebody else wrote stays, before and after", () => {
    const files = new Map([[path, JSON.stringify(own)]]);
    const configured = apply(files, planEngine(wish("docker"), reader(files)));
    assert.deepEqual(JSON.parse(configured.get(path)!), {
      ...own,
      "registry-mirrors": ["http://127.0.0.1:65001", "https://mirror.test"],
    });
    const back = apply(configured, planEngine(wish("docker", true), reader(configured)));
    assert.deepEqual(JSON.parse(back.get(path)!), own);
  });

  test("a file that is no JSON is left alone", () => {
    assert.throws(() => planEngine(wish("docker"), () => "{,"), {
      code: "settings.invalid",
      message: /repair it first/,
    });
  });

  test("the difference shows what comes and goes, and nothing else", () => {
    const [change] = planEngine(wish("docker"), () => '{\n  "debug": true\n}\n').changes;
    assert.equal(
      showChange(change!),
      [
        path,
        '-  "debug": true',
        '+  "debug": true,',
        '+  "registry-mirrors": [',
        '+    "http://127.0.0.1:65001"',
        "+  ]",
        "",
      ].join("\n"),
    );
  });
});

test("containerd: a config.toml of somebody's own is not touched, and what to add is said", () => {
  const { changes, notes } = planEngine(wish("containerd"), (path) =>
    path.endsWith("config.toml") ? "version = 2\n" : undefined,
  );
  assert.deepEqual(
    changes.map(({ path }) => path),
    ["/etc/containerd/certs.d/_default/hosts.toml"],
  );
  assert.match(notes.join("\n"), /config_path = "\/etc\/containerd\/certs\.d"/);
});

test("podman: a registry with a port is named in a path that image names allow", () => {
  const [change] = planEngine(wish("podman"), () => undefined).changes;
  assert.match(change!.after!, /location = "127\.0\.0\.1:65001\/reg\.test_5000"\ninsecure = true/);
});

test("a file of somebody else in our place is refused", () => {
  for (const engine of ["containerd", "podman"] as const)
    assert.throws(() => planEngine(wish(engine), () => "mine"), { code: "settings.invalid", message: /somebody else/ });
});
