/** What an operator finds in the log, and what nobody must find there. */

import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { test } from "node:test";
import { DarnerError } from "#base/mod.ts";
import { createNodeLog } from "./log.node.ts";
import type { LogLevel } from "./log.ts";

function recorded(level: LogLevel = "debug") {
  const lines: Record<string, unknown>[] = [];
  const log = createNodeLog(level, { write: (line: string) => void lines.push(JSON.parse(line)) });
  return { log, lines };
}

test("a line has the time, the level, the event and its facts", () => {
  const { log, lines } = recorded();
  log
    .child({ role: "daemon" })
    .info("task.done", { task: "ab12", bytes: 10n, rate: Infinity, hash: new Uint8Array(32) });
  const { time, ...rest } = lines[0]!;
  assert.match(String(time), /^\d{4}-\d\d-\d\dT[\d:.]+Z$/);
  assert.deepEqual(rest, {
    level: "info",
    event: "task.done",
    role: "daemon",
    task: "ab12",
    bytes: "10",
    rate: "Infinity",
    hash: "[32 bytes]",
  });
});

test("lines below the level are not written, and the level moves while running", () => {
  const { log, lines } = recorded("warn");
  const child = log.child({ a: 1 });
  child.info("quiet");
  log.setLevel("debug");
  child.debug("loud");
  assert.deepEqual(
    lines.map((line) => line["event"]),
    ["loud"],
  );
});

test("secrets do not reach the log: by name, in URLs, in errors, at any depth", () => {
  const { log, lines } = recorded();
  log.warn("origin.failed", {
    url: new URL("https://user:hunter2@host/p?X-Amz-Signature=hunter2&a=1#f"),
    headers: { "Authorization": "Bearer hunter2", "set-cookie": ["a=hunter2"], "accept": "*/*" },
    proof: { password: "hunter2", accessToken: "hunter2", ticket: { nonce: "hunter2" } },
    why: new DarnerError("origin.forbidden", "cannot fetch http://u:hunter2@h/x?sig=hunter2: 403", {
      cause: new Error("see https://hunter2@h/"),
    }),
    ticketsIssued: 5,
  });
  const text = JSON.stringify(lines[0]);
  assert.doesNotMatch(text, /hunter2/);
  assert.match(text, /https:\/\/host\/p\?\[redacted\]/);
  assert.match(text, /"code":"origin.forbidden"/);
  assert.match(text, /"ticketsIssued":5/);
});

test("what has no end is cut: long texts, circles, long lists", () => {
  const { log, lines } = recorded();
  const circle: Record<string, unknown> = {};
  circle["self"] = circle;
  log.info("big", { text: "x".repeat(100_000), circle, list: Array.from({ length: 1000 }, () => 1) });
  assert.ok(JSON.stringify(lines[0]).length < 5000);
});

test("the last line is written though the process ends at once", () => {
  const module = JSON.stringify(new URL("./log.node.ts", import.meta.url).href);
  const script = `const { createNodeLog } = await import(${module}); createNodeLog("info").error("last.words"); process.exit(3)`;
  const run = spawnSync(process.execPath, ["--input-type=module", "-e", script], { encoding: "utf8" });
  assert.equal(run.status, 3);
  assert.equal(JSON.parse(run.stderr).event, "last.words");
});

test("a reader that is gone, or does not read, does not keep the process from ending", async () => {
  const module = JSON.stringify(new URL("./log.node.ts", import.meta.url).href);
  const script = `
    const { createNodeLog } = await import(${module});
    process.stdin.once("data", () => {
      const log = createNodeLog("info");
      for (let index = 0; index < 2000; index++) log.info("line", { index, text: "x".repeat(400) });
      process.exit(3);
    });
    process.stdout.write("ready");`;
  for (const isGone of [true, false]) {
    const child = spawn(process.execPath, ["--input-type=module", "-e", script], { stdio: "pipe" });
    child.stderr.pause();
    await once(child.stdout, "data");
    if (isGone) child.stderr.destroy();
    child.stdin.write("go");
    const timer = setTimeout(() => child.kill("SIGKILL"), 20_000);
    const [status] = (await once(child, "exit")) as [number | null];
    clearTimeout(timer);
    assert.equal(status, 3, isGone ? "gone" : "not reading");
    child.stderr.destroy();
  }
});
