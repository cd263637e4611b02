/** Cluster state at rest: the conformance test over both, then crashes, full disks and damage. */

import * as assert from "node:assert/strict";
import { spawn } from "node:child_process";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { test, after } from "node:test";
import type { DarnerError } from "#base/mod.ts";
import { openSqlite } from "#platform/files/sqlite.node.ts";
import { clusterStateConformance } from "../../../test/conformance/cluster-state.ts";
import { memoryClusterState } from "./memory.ts";
import { sqliteClusterState } from "./sqlite.ts";

const directory = fs.mkdtempSync(path.join(os.tmpdir(), "darner-cluster-state-"));
after(() => fs.rmSync(directory, { recursive: true, force: true }));
let files = 0;
const newFile = (): string => path.join(directory, `state-${++files}.sqlite`);

clusterStateConformance("memory", false, () => memoryClusterState);
clusterStateConformance("sqlite", true, () => {
  const file = newFile();
  return () => sqliteClusterState(openSqlite(file));
});

test("every setting that was acknowledged is there after kill -9", async () => {
  const file = newFile();
  // It writes no further setting before it has said the one before, however slowly it is heard.
  const script = `
    const { writeSync } = await import("node:fs");
    const { openSqlite } = await import("#platform/files/sqlite.node.ts");
    const { sqliteClusterState } = await import("#storage/cluster-state/mod.ts");
    const state = sqliteClusterState(openSqlite(process.argv[1]));
    for (let count = 1; ; count++) {
      await state.putSetting("count", count);
      writeSync(1, count + "\\n");
    }`;
  const child = spawn(process.execPath, ["--input-type=module", "-e", script, file], {
    cwd: path.resolve(import.meta.dirname, "../../.."),
    stdio: ["ignore", "pipe", "inherit"],
  });
  let said = "";
  for await (const chunk of child.stdout) {
    said += chunk;
    if (said.split("\n").length > 20) child.kill("SIGKILL");
  }
  const acknowledged = Number(said.slice(0, said.lastIndexOf("\n")).split("\n").at(-1));
  const state = sqliteClusterState(openSqlite(file));
  const kept = Number((await state.settings()).settings["count"]);
  assert.ok(acknowledged >= 20 && kept >= acknowledged && kept <= acknowledged + 1, `${kept} after ${acknowledged}`);
  await state.close();
});

test("a full disk is said, changes nothing, and is over once there is room", async () => {
  const database = openSqlite(newFile());
  const state = sqliteClusterState(database);
  const before = await state.putSetting("a", 1);
  database.execute("PRAGMA max_page_count = 8");
  await assert.rejects(state.putSetting("b", "x".repeat(100_000)), (error: DarnerError) => {
    assert.equal(error.code, "disk.full");
    assert.match(error.message, /^cannot write the database .*: no space left; free some, then try again$/);
    return true;
  });
  assert.deepEqual(await state.settings(), before);
  database.execute("PRAGMA max_page_count = 1000");
  assert.equal((await state.putSetting("b", "x".repeat(100_000))).version, before.version + 1);
  await state.close();
});

test("a file that is no database, and one with a damaged page, are store.corrupt with what to do", async () => {
  const garbage = newFile();
  fs.writeFileSync(garbage, "no database at all. ".repeat(1000));
  assert.throws(() => openSqlite(garbage), {
    code: "store.corrupt",
    message: /move it and .*-wal away to start empty$/,
  });

  const damaged = newFile();
  const state = sqliteClusterState(openSqlite(damaged));
  for (let index = 0; index < 40; index++) await state.putSetting(`key-${index}`, "x".repeat(2000));
  await state.close();
  const bytes = fs.readFileSync(damaged);
  bytes.fill(0x5a, 4096, bytes.length - 4096);
  fs.writeFileSync(damaged, bytes);
  assert.throws(() => openSqlite(damaged), { code: "store.corrupt" });
});

test("two processes never share one state, and a later Darner's state is left alone", async () => {
  const file = newFile();
  const database = openSqlite(file);
  assert.throws(() => openSqlite(file), { code: "store.locked", message: /another process uses it/ });
  database.execute("PRAGMA user_version = 99");
  assert.throws(() => sqliteClusterState(database), { code: "store.corrupt", message: /later version of Darner/ });
  database.close();
  assert.throws(() => openSqlite(path.join(directory, "missing", "x.sqlite")), { code: "output.not-writable" });
});

test("the versions of a new state are above those of one that was lost", async () => {
  const state = sqliteClusterState(openSqlite(newFile()));
  assert.ok((await state.settings()).version > 1_700_000_000);
  assert.ok((await state.managers()).version > 1_700_000_000);
  await state.close();
});
