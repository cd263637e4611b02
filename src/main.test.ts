/** The two launchers and the commands behind them, as a user meets them. */

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { test, type TestContext } from "node:test";

const root = dirname(import.meta.dirname);

function temporary(t: TestContext): string {
  const directory = mkdtempSync(join(tmpdir(), "darner-main-"));
  t.after(() => rmSync(directory, { recursive: true }));
  return directory;
}

interface Ended {
  readonly status: number | null;
  readonly out: string;
  readonly err: string;
}

function run(program: string, argv: readonly string[], options: { env?: NodeJS.ProcessEnv; cwd?: string } = {}): Ended {
  const env = { PATH: process.env["PATH"], ...options.env };
  const { status, stdout, stderr } = spawnSync(program, argv, {
    encoding: "utf8",
    timeout: 20_000,
    cwd: options.cwd ?? "/",
    env,
  });
  return { status, out: stdout, err: stderr };
}

test("darner starts from any folder, through links, and keeps its compile cache where the user's caches are", (t) => {
  const home = temporary(t);
  symlinkSync(join(root, "bin", "darner"), join(home, "one"));
  symlinkSync("one", join(home, "two"));
  const env = { HOME: home };
  assert.deepEqual(run(join(home, "two"), ["--version"], { env }), { status: 0, out: "0.1.0\n", err: "" });
  assert.equal(run("./two", ["--version"], { env, cwd: home }).status, 0);
  assert.ok(readdirSync(join(home, ".cache", "darner")).length > 0);
});

test("without HOME it starts all the same", () => {
  assert.deepEqual(run(join(root, "bin", "darner"), ["--version"]), { status: 0, out: "0.1.0\n", err: "" });
});

test("where no Node is new enough, one line says what to do", (t) => {
  const place = temporary(t);
  mkdirSync(join(place, "bin"));
  mkdirSync(join(place, "old"));
  for (const name of ["darner", "dfget"]) copyFileSync(join(root, "bin", name), join(place, "bin", name));
  writeFileSync(join(place, "old", "node"), "#!/bin/sh\necho 20\n");
  chmodSync(join(place, "old", "node"), 0o755);
  for (const name of ["darner", "dfget"]) {
    const ended = run(join(place, "bin", name), [], { env: { PATH: `${join(place, "old")}:/usr/bin:/bin` } });
    assert.deepEqual(ended, {
      status: 1,
      out: "",
      err: `darner: cannot start: Node 26 is not there; run "npm ci" in ${place}\n`,
    });
  }
});

test("a daemon's young generation is kept small, nobody else's; each runs the shortest program that is built", (t) => {
  const place = temporary(t);
  const node = join(place, "node_modules", "node", "bin");
  for (const folder of [join(place, "bin"), join(place, "dist"), node]) mkdirSync(folder, { recursive: true });
  for (const name of ["darner", "dfget"]) copyFileSync(join(root, "bin", name), join(place, "bin", name));
  for (const name of ["darner", "dfget", "daemon"]) writeFileSync(join(place, "dist", `${name}.cjs`), "");
  writeFileSync(join(node, "node"), '#!/bin/sh\necho "$@"\n');
  chmodSync(join(node, "node"), 0o755);
  const started = (name: string, ...argv: string[]): string[] =>
    run(join(place, "bin", name), argv)
      .out.trim()
      .replaceAll(`${place}/dist/`, "")
      .split(" ")
      .slice(1);
  assert.deepEqual(started("darner", "daemon", "--linger"), ["--max-semi-space-size=4", "daemon.cjs", "--linger"]);
  assert.deepEqual(started("darner", "cluster-manager"), ["darner.cjs", "cluster-manager"]);
  assert.deepEqual(started("dfget", "daemon"), ["dfget.cjs", "daemon"]);
});

test("a command that is none is one line and status 2, with the nearest that is one", () => {
  const ended = run(join(root, "bin", "darner"), ["docter"]);
  assert.deepEqual([ended.status, ended.out], [2, ""]);
  assert.equal(
    ended.err,
    'darner: cannot run "docter": there is no such command; did you mean doctor? see darner --help\n',
  );
});

test("config print shows values and where they came from, and refuses a file with an unknown key", (t) => {
  const home = temporary(t);
  const file = join(home, "darner.yaml");
  writeFileSync(file, "upload-slots: 3\n");
  const env = { HOME: home, DARNER_SITE: "north", DARNER_STIE: "x" };
  const printed = run(
    join(root, "bin", "darner"),
    ["config", "print", "--json", "--role", "daemon", "--config", file],
    { env },
  );
  assert.equal(printed.status, 0);
  assert.equal(printed.err, "darner: the environment variable DARNER_STIE names no setting and has no effect\n");
  const settings = JSON.parse(printed.out) as { name: string; value: string; origin: string }[];
  const shown = (name: string) => settings.find((setting) => setting.name === name);
  assert.deepEqual(shown("upload-slots"), {
    role: "daemon",
    name: "upload-slots",
    value: "3",
    origin: `${file}:1`,
    live: true,
  });
  assert.equal(shown("site")?.origin, "DARNER_SITE");
  assert.equal(shown("linger")?.value, "never");

  writeFileSync(file, "uplod-slots: 3\n");
  const refused = run(join(root, "bin", "darner"), ["config", "print", "--config", file], { env });
  assert.deepEqual([refused.status, refused.out], [22, ""]);
  assert.match(
    refused.err,
    /^darner: cannot use the settings in .*:1: there is no setting "uplod-slots"; did you mean upload-slots\?\n$/,
  );
});

test("doctor fails with what is wrong and says what to do", (t) => {
  const env = { HOME: temporary(t) };
  const argv = ["doctor", "--manager", "http://127.0.0.1:1", "--socket", "/nonexistent/darner.sock"];
  const ended = run(join(root, "bin", "darner"), argv, { env });
  assert.equal(ended.status, 1, ended.err);
  assert.match(ended.out, /^ok +node +26/m);
  assert.match(
    ended.out,
    /^fail +cluster manager +http:\/\/127\.0\.0\.1:1 cannot be reached: nothing listens there; check/m,
  );
});
