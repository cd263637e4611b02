/** One process a data directory: real processes that hold it, die of kill -9, and start all at once. */

import assert from "node:assert/strict";
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { test, type TestContext } from "node:test";
import { DarnerError } from "#base/mod.ts";
import { lockDirectory } from "./process-lock.node.ts";

function folder(t: TestContext): string {
  const made = fs.mkdtempSync(path.join(os.tmpdir(), "darner-lock-"));
  t.after(() => fs.rmSync(made, { recursive: true }));
  return made;
}

/** Locks, collects garbage, says how it went, and lives on when it holds the lock. */
const hold = `import { lockDirectory } from ${JSON.stringify(path.join(import.meta.dirname, "process-lock.node.ts"))};
  try { lockDirectory(process.argv[1]); } catch (error) { console.log(error.code); process.exit(); }
  for (let round = 0; round < 3; round++) { gc(); await new Promise(setImmediate); }
  console.log("held"); setTimeout(() => {}, 30_000);`;

async function start(t: TestContext, directory: string): Promise<{ child: ChildProcess; said: string }> {
  const child = spawn(process.execPath, ["--expose-gc", "--input-type=module", "-e", hold, directory], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  t.after(() => child.kill("SIGKILL"));
  const [said] = (await once(child.stdout, "data")) as [Buffer];
  return { child, said: said.toString().trim() };
}

function isLocked(pid: number | undefined): (error: unknown) => boolean {
  return (error) => {
    assert.ok(error instanceof DarnerError);
    assert.equal(error.code, "store.locked");
    assert.equal(error.facts["pid"], pid);
    assert.match(
      error.message,
      pid === undefined ? /: another process uses it/ : new RegExp(`: process ${pid} uses it`),
    );
    return true;
  };
}

test("the other process is named, and its kill -9 frees the directory at once", async (t) => {
  const directory = folder(t);
  const { child, said } = await start(t, directory);
  assert.equal(said, "held");
  for (let attempt = 0; attempt < 3; attempt++) assert.throws(() => lockDirectory(directory), isLocked(child.pid));
  child.kill("SIGKILL");
  await once(child, "exit");
  const lock = lockDirectory(directory);
  assert.equal((await start(t, directory)).said, "store.locked");
  lock.release();
  assert.equal((await start(t, directory)).said, "held");
});

test("a second lock in one process is refused and does not weaken the first", async (t) => {
  const directory = folder(t);
  const lock = lockDirectory(directory);
  assert.throws(() => lockDirectory(directory), isLocked(process.pid));
  assert.equal((await start(t, directory)).said, "store.locked");
  lock.release();
  lock.release();
  lockDirectory(directory).release();
});

test("of many that start at once after a crash, one gets it", async (t) => {
  const directory = folder(t);
  const { child } = await start(t, directory);
  child.kill("SIGKILL");
  await once(child, "exit");
  const all = await Promise.all(Array.from({ length: 5 }, () => start(t, directory)));
  assert.deepEqual(all.map(({ said }) => said).sort(), ["held", ...Array.from({ length: 4 }, () => "store.locked")]);
});

test("a pid that was given to another process since is not blamed", async (t) => {
  const directory = folder(t);
  const { child } = await start(t, directory);
  fs.writeFileSync(path.join(directory, "lock.holder"), `${process.pid} 1\n`);
  assert.throws(() => lockDirectory(directory), isLocked(undefined));
  fs.rmSync(path.join(directory, "lock.holder"));
  assert.throws(() => lockDirectory(directory), isLocked(undefined));
  child.kill("SIGKILL");
  await once(child, "exit");
  fs.writeFileSync(path.join(directory, "lock.holder"), `${process.pid} 1\n`);
  lockDirectory(directory).release();
});

test("a lock whose holder cannot be written down, as on a full disk, holds all the same", (t) => {
  const directory = folder(t);
  fs.mkdirSync(path.join(directory, "lock.holder"));
  const lock = lockDirectory(directory);
  assert.throws(() => lockDirectory(directory), isLocked(undefined));
  lock.release();
  lockDirectory(directory).release();
});

test("a directory that is missing is told as such", (t) => {
  const missing = path.join(folder(t), "missing");
  assert.throws(
    () => lockDirectory(missing),
    (error) =>
      error instanceof DarnerError && error.code === "output.not-writable" && /no such file/.test(error.message),
  );
});
