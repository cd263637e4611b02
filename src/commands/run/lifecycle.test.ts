/** Roles as processes: how they stop, when they are cut, and what becomes of an error that nobody caught. */

import assert from "node:assert/strict";
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { test, type TestContext } from "node:test";

const module = JSON.stringify(new URL("./lifecycle.ts", import.meta.url).href);

interface RoleProcess {
  readonly child: ChildProcess;
  readonly ended: Promise<[number | null, string]>;
  /** Resolves once it has said this. */
  readonly said: (word: string) => Promise<void>;
}

/** A process whose role is `role`; prints `up` once started and each log event after that. */
function roleProcess(t: TestContext, role: string, graceMs = 100): RoleProcess {
  const script = `
    const { runUntilStopped } = await import(${module});
    const say = (event) => console.log(event);
    const log = { debug: say, info: say, warn: say, error: say };
    const keptAlive = setInterval(() => {}, 1000);
    const start = async () => (say("up"), ${role});
    process.exitCode = await runUntilStopped(start, { log, graceMs: ${graceMs} });
    clearInterval(keptAlive);`;
  const child = spawn(process.execPath, ["--input-type=module", "-e", script], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  t.after(() => child.kill("SIGKILL"));
  let text = "";
  child.stdout.setEncoding("utf8").on("data", (chunk: string) => (text += chunk));
  const said = async (word: string): Promise<void> => {
    while (!text.includes(word)) await once(child.stdout, "data");
  };
  const ended = new Promise<[number | null, string]>((resolve) =>
    child.once("close", (status) => resolve([status, text.trim().replaceAll("\n", " ")])),
  );
  return { child, ended, said };
}

test("a signal stops the role; the process ends well", async (t) => {
  for (const signal of ["SIGTERM", "SIGINT"] as const) {
    const { child, ended, said } = roleProcess(t, `{ stop: async (graceMs) => say("stop in " + graceMs) }`);
    await said("up");
    child.kill(signal);
    assert.deepEqual(await ended, [0, "up role.stopping stop in 100 role.stopped"]);
  }
});

test("a role that ends by itself ends its process", async (t) => {
  const { ended } = roleProcess(t, `{ stop: async () => {}, ended: Promise.resolve() }`);
  assert.deepEqual(await ended, [0, "up role.stopping role.stopped"]);
});

test("a second signal does not wait", async (t) => {
  const { child, ended, said } = roleProcess(t, `{ stop: () => new Promise(() => say("it stops")) }`, 60_000);
  await said("up");
  child.kill("SIGTERM");
  await said("it stops");
  child.kill("SIGTERM");
  assert.equal((await ended)[0], 10);
});

test("a role that does not stop is cut", async (t) => {
  const { child, ended, said } = roleProcess(t, `{ stop: () => new Promise(() => {}) }`);
  await said("up");
  child.kill("SIGTERM");
  assert.deepEqual(await ended, [1, "up role.stopping role.stop-timed-out"]);
});

test("an error that nobody caught is logged and ends the process", async (t) => {
  for (const bug of [`setTimeout(() => { throw new Error("x") })`, `Promise.reject(new Error("x"))`]) {
    const { ended } = roleProcess(t, `(${bug}, { stop: async () => {} })`);
    assert.deepEqual(await ended, [1, "up process.failed"], bug);
  }
});
