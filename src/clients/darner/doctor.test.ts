/** What doctor says of a machine that is well, and of machines that are not. */

import assert from "node:assert/strict";
import { test } from "node:test";
import type { Machine, RoleAnswer } from "#platform/machine/machine.ts";
import { examine, type DoctorQuestion } from "./doctor.ts";

const wallMs = 1_000_000;
const ready: RoleAnswer = { kind: "answered", status: 200, text: "ok\n", isDarner: true, wallMs };

const healthy: Machine = {
  nodeVersion: "26.10.0",
  wallMs: () => wallMs,
  canListen: async () => "free",
  askRole: async () => ready,
  folder: async () => ({ freeBytes: 50e9, writable: true, existing: "/data" }),
  descriptorLimit: async () => 65_536,
};

const question: DoctorQuestion = {
  ports: { "cluster manager": { kind: "tcp", host: "0.0.0.0", port: 8002 } },
  socketPath: "/run/darner.sock",
  dataDirectory: "/data",
  managers: ["http://m:8002"],
  configService: "http://c:8080",
  nativeAvailable: true,
};

/** The findings that are not ok, one line each. */
async function troubles(machine: Partial<Machine>, asked: Partial<DoctorQuestion> = {}): Promise<string[]> {
  const findings = await examine({ ...healthy, ...machine }, { ...question, ...asked });
  return findings
    .filter(({ level }) => level !== "ok")
    .map(({ level, subject, text }) => `${level} ${subject}: ${text}`);
}

test("a machine that is well has nothing but ok", async () => {
  assert.deepEqual(await troubles({}), []);
  const findings = await examine(healthy, question);
  assert.deepEqual(
    findings.map(({ subject }) => subject),
    [
      "node",
      "native calls",
      "open files",
      "data directory",
      "port 8002",
      "host daemon",
      "config service",
      "clock",
      "cluster manager",
      "clock",
    ],
  );
});

test("an old Node, few descriptors, no native calls", async () => {
  assert.match((await troubles({ nodeVersion: "20.1.0" }))[0]!, /^fail node: 20\.1\.0, should be 26/);
  assert.match((await troubles({ descriptorLimit: async () => 1024 }))[0]!, /^warn open files: only 1024;/);
  assert.match((await troubles({}, { nativeAvailable: false }))[0]!, /^warn native calls/);
});

test("a full disk and a folder that cannot be written", async () => {
  const folder = (freeBytes: number, writable: boolean) => async () => ({ freeBytes, writable, existing: "/" });
  assert.match((await troubles({ folder: folder(1e6, true) }))[0]!, /^fail data directory: \/data: 1.00 MB free/);
  assert.match((await troubles({ folder: folder(5e8, true) }))[0]!, /^warn data directory/);
  assert.match(
    (await troubles({ folder: folder(1e12, false) }))[0]!,
    /^fail data directory: \/data: \/ is not writable; choose/,
  );
});

test("a port is free, ours, or somebody else's", async () => {
  const taken = { canListen: async () => "taken" as const };
  assert.deepEqual(await troubles(taken), []);
  const foreign = async (place: object): Promise<RoleAnswer> =>
    "url" in place && place.url === "http://127.0.0.1:8002" ? { ...ready, isDarner: false } : ready;
  assert.deepEqual(await troubles({ ...taken, askRole: foreign }), [
    "warn port 8002: another process has it; start the cluster manager with another --listen HOST:PORT",
  ]);
});

test("an image proxy is asked where engines ask it, and moves by a flag of its own", async () => {
  const ports = { "image proxy": { kind: "tcp", host: "127.0.0.1", port: 65001 } } as const;
  const proxy =
    (isDarner: boolean) =>
    async (_: object, path: string): Promise<RoleAnswer> =>
      path === "/readyz"
        ? ready
        : { ...ready, status: path === "/v2/" ? 401 : 404, isDarner: isDarner && path === "/v2/" };
  const taken = { canListen: async () => "taken" as const };
  assert.deepEqual(await troubles({ ...taken, askRole: proxy(true) }, { ports }), []);
  assert.deepEqual(await troubles({ ...taken, askRole: proxy(false) }, { ports }), [
    "warn port 65001: another process has it; start the image proxy with another --proxy-listen HOST:PORT",
  ]);
});

test("one address said for all roles is one warning, and a free port is none to look at", async () => {
  const shared = { kind: "tcp", host: "0.0.0.0", port: 9000 } as const;
  const ports = { "config service": shared, "cluster manager": shared, "host daemon": { ...shared, port: 0 } };
  assert.deepEqual(await troubles({}, { ports }), [
    "warn port 9000: wanted by config service, cluster manager, so only one of them would start; give each its own: --ROLE-port, or listen in the role's section of the settings file",
  ]);
});

test("roles that are silent, not ready, not Darner, or of another time", async () => {
  const answer = (answer: RoleAnswer) => ({ askRole: async (place: object) => ("url" in place ? answer : ready) });
  const only = { configService: undefined };
  assert.match(
    (await troubles(answer({ kind: "silent", why: "nothing listens there" }), only))[0]!,
    /^fail cluster manager: .*nothing listens there; check/,
  );
  assert.match(
    (await troubles(answer({ ...ready, status: 503, text: "no lease yet\n" }), only))[0]!,
    /^warn .* is not ready: no lease yet$/,
  );
  assert.match((await troubles(answer({ ...ready, isDarner: false }), only))[0]!, /^fail .* is not Darner/);
  assert.deepEqual(await troubles(answer({ ...ready, wallMs: wallMs + 30_000 }), only), [
    "warn clock: 30 s behind http://m:8002; let NTP set it",
  ]);
  assert.match((await troubles(answer({ ...ready, wallMs: wallMs - 90_000 }), only))[0]!, /^fail clock: 90 s ahead/);
});

test("nothing set up yet is no failure", async () => {
  const bare = { managers: [], configService: undefined };
  const found = await troubles({ askRole: async () => ({ kind: "missing", why: "there is no socket" }) }, bare);
  assert.deepEqual(
    found.map((line) => line.split(":", 1)[0]),
    ["warn host daemon", "warn cluster"],
  );
});
