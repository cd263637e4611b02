/** A small demo ends by itself, tells the truth and leaves nothing behind, also when it is stopped. */

import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { test, type TestContext } from "node:test";
import { endsWithTest } from "../ending.ts";

const root = dirname(dirname(import.meta.dirname));

function temporary(t: TestContext): { folder: string; environment: NodeJS.ProcessEnv } {
  const folder = mkdtempSync(join(tmpdir(), "demo-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const environment = { ...process.env, TMPDIR: folder, NODE_COMPILE_CACHE: join(tmpdir(), "darner-test-cache") };
  return { folder, environment };
}

test("a small demo: status 0, one copy, right digests, and an empty temporary folder", (t) => {
  const { folder, environment } = temporary(t);
  const { status, stdout, stderr } = spawnSync(process.execPath, ["tools/demo.ts", "--hosts", "2", "--size", "4MB"], {
    cwd: root,
    env: environment,
    encoding: "utf8",
    timeout: 60_000,
  });
  assert.equal(status, 0, `${stdout}${stderr}`);
  assert.match(stdout, /^ok {4}2 of 2 files have the SHA-256 [0-9a-f]{16}\.\.\.$/m);
  assert.match(stdout, /^ok {4}the origin sent 1\.00 copy \(4\.00 MB sent, 8\.00 MB received\)$/m);
  assert.deepEqual(readdirSync(folder), []);
});

test("stopped in the middle, as by Ctrl-C in a terminal: status 130, no process and no file left", async (t) => {
  const { folder, environment } = temporary(t);
  // A terminal's Ctrl-C reaches the whole process group, so the demo gets one of its own.
  const child = spawn(process.execPath, ["tools/demo.ts", "--hosts", "2", "--size", "100MB", "--rate", "100Mbit"], {
    cwd: root,
    env: environment,
    detached: true,
    stdio: ["ignore", "pipe", "ignore"],
  });
  endsWithTest(child, "SIGTERM");
  let said = "";
  for await (const bytes of child.stdout) {
    said += String(bytes);
    if (/ % of all /.test(said)) break;
  }
  const group = -child.pid!;
  process.kill(group, "SIGINT");
  const [status] = (await once(child, "exit")) as [number | null];
  assert.equal(status, 130, said);
  assert.throws(() => process.kill(group, 0), { code: "ESRCH" });
  assert.deepEqual(readdirSync(folder), []);
});
