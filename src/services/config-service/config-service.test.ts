/** The config service's routes, asked directly: what is refused, what is told. */

import * as assert from "node:assert/strict";
import type { X509Certificate } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import { test } from "node:test";
import { DarnerError } from "#base/mod.ts";
import type { Route } from "#platform/http-server/server.ts";
import { memberCertificate, readCertificate } from "#platform/keys/certificates.ts";
import { nodeRandom } from "#platform/machine/random.node.ts";
import { newSigningKey } from "#platform/keys/signing.ts";
import { silentLog } from "#platform/telemetry/log.ts";
import type { Metrics } from "#platform/telemetry/metrics.ts";
import { memoryClusterState, type ClusterState } from "#storage/cluster-state/mod.ts";
import { manualClock, type ManualClock } from "../../../test/manual-clock.ts";
import { createConfigService, type ConfigService } from "./mod.ts";

const noMetrics: Metrics = {
  counter: () => ({ add() {} }),
  gauge() {},
  histogram: () => ({ observe() {} }),
  text: async () => "",
};

interface Asked {
  readonly id?: string;
  readonly key?: string;
  readonly body?: unknown;
  readonly query?: string;
  readonly from?: string | undefined;
  /** Comes over TLS with this certificate. */
  readonly certificate?: X509Certificate;
  readonly onClose?: (close: () => void) => void;
}

/** What any of the answers may hold. */
interface Told {
  readonly version: number;
  readonly managers: readonly { readonly id: string; readonly health: string }[];
  readonly settings: Readonly<Record<string, unknown>>;
}

async function started(options: { store?: ClusterState; clock?: ManualClock } = {}) {
  const { store = memoryClusterState(), clock = manualClock() } = options;
  const service = createConfigService({
    clock,
    log: silentLog,
    metrics: noMetrics,
    store,
    leaseMs: 30_000,
    pushPatterns: () => ["team/*"],
    validate: (key, value) =>
      key === "upload-rate" && value !== "bad" ? undefined : `cannot change ${key}: it is bad`,
  });
  await service.start();
  return { service, store, clock, ask: (name: string, asked?: Asked) => ask(service, name, asked) };
}

/** Calls a route as the server would; `name` is `GET /v1/settings`. */
async function ask(service: ConfigService, name: string, asked: Asked = {}): Promise<Told> {
  const route = service.routes.find(({ method, path }: Route) => `${method} ${path}` === name);
  assert.ok(route !== undefined, `there is a route ${name}`);
  const { id, key, from = "from" in asked ? undefined : "10.0.0.77" } = asked;
  const tls = { encrypted: true, authorized: true, getPeerX509Certificate: () => asked.certificate };
  const socket = { remoteAddress: from, ...(asked.certificate === undefined ? {} : tls) };
  const response = { once: (_: string, close: () => void) => asked.onClose?.(close) };
  const answer = await route.handle({
    params: { ...(id === undefined ? {} : { id }), ...(key === undefined ? {} : { key }) },
    query: new URLSearchParams(asked.query),
    headers: {},
    json: async () => asked.body,
    raw: { socket } as unknown as IncomingMessage,
    response: response as unknown as ServerResponse,
  });
  assert.equal(answer?.status, 200);
  return (answer.json ?? JSON.parse(answer.text ?? "null")) as Told;
}

const putManager = "PUT /v1/managers/:id";
const getManagers = "GET /v1/managers";
const putSetting = "PUT /v1/settings/:key";
const paris = { url: "http://10.1.0.1:8002", site: "paris", address: "10.1.0.1" };
const lyon = { url: "http://10.2.0.1:8002", address: "10.2.0.1" };

const idsOf = (list: Pick<Told, "managers">): string => list.managers.map(({ id }) => id).join(" ");

test("a manager registers and hosts are told, nearest first", async () => {
  const { ask } = await started();
  const first = await ask(putManager, { id: "m-paris", body: paris });
  assert.deepEqual(first, { leaseMs: 30_000, settingsVersion: 1, listVersion: 2 });
  await ask(putManager, { id: "m-lyon", body: lyon });
  assert.equal(idsOf(await ask(getManagers, { query: "site=paris" })), "m-paris m-lyon");
  await ask(putSetting, { key: "site-ranges", body: { value: "10.2.0.0/16=lyon" } });
  assert.equal(idsOf(await ask(getManagers, { from: "10.2.9.9" })), "m-lyon m-paris");
  assert.equal(idsOf(await ask(getManagers, { query: "address=10.2.0.5" })), "m-lyon m-paris");
  await ask("DELETE /v1/managers/:id", { id: "m-lyon" });
  assert.equal(idsOf(await ask(getManagers)), "m-paris");
});

test("a manager that has proved who it is registers and removes itself, and no other", async () => {
  const { ask, clock } = await started();
  const [authority, key] = [newSigningKey(), newSigningKey()];
  const wanted = { role: "manager", publicKey: key.publicKey, lifeMs: 60_000, wallMs: clock.wallMs() } as const;
  const certificate = readCertificate(memberCertificate(authority, { ...wanted, random: nodeRandom }));
  await ask(putManager, { id: key.id, body: paris, certificate });
  const refused = { code: "trust.right", message: /speaks for nobody else/ };
  await assert.rejects(ask(putManager, { id: "a".repeat(32), body: lyon, certificate }), refused);
  await assert.rejects(ask("DELETE /v1/managers/:id", { id: "a".repeat(32), certificate }), refused);
  await ask("DELETE /v1/managers/:id", { id: key.id, certificate });
  assert.equal(idsOf(await ask(getManagers)), "");
});

test("what makes no sense is refused and changes nothing", async () => {
  const { ask } = await started();
  await assert.rejects(ask(putManager, { id: "m", body: { url: "nonsense" } }), { code: "cluster.protocol" });
  await assert.rejects(ask(getManagers, { query: "address=here" }), { code: "cluster.protocol" });
  await assert.rejects(ask(getManagers, { query: "site=a%20b" }), { code: "cluster.protocol" });
  await assert.rejects(ask(getManagers, { query: "after=-1" }), { code: "cluster.protocol" });
  for (const key of ["__proto__", "Upload", "a..b", "x".repeat(200)]) {
    await assert.rejects(ask(putSetting, { key, body: { value: 1 } }), { code: "settings.unknown-key" });
  }
  const bad = (key: string, value: unknown) => ask(putSetting, { key, body: { value } });
  await assert.rejects(bad("upload-rate", "bad"), {
    code: "settings.invalid",
    message: "cannot change upload-rate: it is bad",
  });
  await assert.rejects(bad("site-ranges", "10.0.0.0/8"), { code: "settings.invalid", message: /RANGE=SITE/ });
  await assert.rejects(bad("upload-rate", "x".repeat(70_000)), {
    code: "settings.invalid",
    message: /at most 65536 bytes/,
  });
  await assert.rejects(ask(putSetting, { key: "upload-rate", body: 5 }), {
    code: "cluster.protocol",
    message: /\{"value"/,
  });
  assert.deepEqual(await ask("GET /v1/settings"), { version: 1, settings: {} });
});

test("who has the newest list waits for news, its time, or its own end", async () => {
  const { ask, clock, service } = await started();
  const { version } = await ask(getManagers);
  let answered = 0;
  const wait = async (asked: Asked = {}) => {
    const list = await ask(getManagers, { query: `after=${version}&waitMs=20000`, ...asked });
    answered++;
    return list;
  };
  const news = wait();
  let close = (): void => assert.fail("nothing listens to the end of the connection");
  const gone = wait({ onClose: (onClose) => (close = onClose) });
  await clock.advance(5_000);
  assert.equal(answered, 0);
  close();
  await gone;
  assert.equal(answered, 1);
  await ask(putManager, { id: "m", body: paris });
  assert.equal(idsOf(await news), "m");

  const { version: next } = await ask(getManagers);
  const patient = ask(getManagers, { query: `after=${next}&waitMs=9000` });
  await clock.advance(9_000);
  assert.equal((await patient).version, next);
  const cut = ask(getManagers, { query: `after=${next}&waitMs=9000` });
  await service.stop();
  await cut;
  assert.equal(clock.waiting, 0);
});

test("a setting wakes those who watch settings; new ranges wake those who watch managers too", async () => {
  const { ask, service } = await started();
  const [settings, list] = [await ask("GET /v1/settings"), await ask(getManagers)];
  const told: Told[] = [];
  const watching = ask(getManagers, { query: `after=${list.version}&waitMs=20000` }).then((newer) => told.push(newer));
  const watched = ask("GET /v1/settings", { query: `after=${settings.version}&waitMs=20000` });
  await ask(putSetting, { key: "upload-rate", body: { value: "10MB" } });
  assert.deepEqual((await watched).settings, { "upload-rate": "10MB" });
  assert.equal(told.length, 0);
  await ask(putSetting, { key: "site-ranges", body: { value: "10.0.0.0/8=paris" } });
  await watching;
  assert.equal(told[0]?.version, list.version + 1);
  assert.deepEqual(await ask("DELETE /v1/settings/:key", { key: "upload-rate" }), { version: settings.version + 3 });
  await service.stop();
});

test("a manager that falls silent is late, then gone", async () => {
  const { ask, clock, service } = await started();
  await ask(putManager, { id: "m", body: paris });
  await clock.advance(20_000);
  assert.equal((await ask(getManagers)).managers[0]?.health, "late");
  await clock.advance(10_000);
  assert.equal(idsOf(await ask(getManagers)), "");
  await service.stop();
});

test("when the service itself stood still, managers get the time back to renew", async () => {
  const { ask, clock, service } = await started();
  await ask(putManager, { id: "m", body: paris });
  await clock.standStill(300_000);
  assert.equal(idsOf(await ask(getManagers)), "m");
  await clock.advance(10_000);
  assert.equal(idsOf(await ask(getManagers)), "");
  await service.stop();
});

test("a wall's clock set back by a day changes nothing: leases go on, versions rise", async () => {
  const { ask, clock, service } = await started();
  await ask(putManager, { id: "m", body: paris });
  const before = await ask(putSetting, { key: "site-ranges", body: { value: "10.1.0.0/16=paris" } });
  clock.setWall(-86_400_000);
  const after = await ask(putSetting, { key: "site-ranges", body: { value: "10.2.0.0/16=lyon" } });
  assert.ok(after.version > before.version);
  await clock.advance(19_000);
  assert.equal((await ask(getManagers)).managers[0]?.health, "up", "its lease is as long as it was");
  await clock.advance(11_000);
  assert.equal(idsOf(await ask(getManagers)), "", "and no longer");
  await service.stop();
});

test("a restart shows nothing to hosts, and who does not come back is gone after a lease", async () => {
  const first = await started();
  await first.ask(putManager, { id: "a", body: paris });
  await first.ask(putManager, { id: "b", body: lyon });
  await first.ask(putSetting, { key: "site-ranges", body: { value: "10.2.0.0/16=lyon" } });
  const before = await first.ask(getManagers, { query: "address=10.2.0.9" });
  await first.service.stop();
  const second = await started({ store: first.store });
  assert.deepEqual(await second.ask(getManagers, { query: "address=10.2.0.9" }), before);
  await second.clock.advance(15_000);
  await second.ask(putManager, { id: "a", body: paris });
  assert.equal((await second.ask(getManagers)).version, before.version, "a renewal is no news");
  await second.clock.advance(15_000);
  assert.equal(idsOf(await second.ask(getManagers)), "a");
  await second.service.stop();
});

test("a store that fails: settings are refused and unchanged, managers go on being told", async () => {
  const memory = memoryClusterState();
  let full = true;
  const fail = (): never => {
    throw new DarnerError("disk.full", "cannot write: no space left");
  };
  const store: ClusterState = {
    ...memory,
    putSetting: async (key, value) => (full ? fail() : memory.putSetting(key, value)),
    keepManagers: async (list) => (full ? fail() : memory.keepManagers(list)),
  };
  const { ask, service } = await started({ store });
  await assert.rejects(ask(putSetting, { key: "upload-rate", body: { value: 1 } }), { code: "disk.full" });
  assert.deepEqual((await ask("GET /v1/settings")).settings, {});
  await ask(putManager, { id: "a", body: paris });
  assert.equal(idsOf(await ask(getManagers)), "a");
  await new Promise((resolve) => void setImmediate(resolve));
  full = false;
  await ask(putManager, { id: "b", body: lyon });
  await service.stop();
  assert.equal(idsOf({ managers: (await memory.managers()).managers }), "a b");
});

test("before it has started it says so", async () => {
  const service = createConfigService({
    clock: manualClock(),
    log: silentLog,
    metrics: noMetrics,
    store: memoryClusterState(),
    leaseMs: 30_000,
    pushPatterns: () => [],
    validate: () => undefined,
  });
  assert.match(service.ready() ?? "", /starting/);
  await assert.rejects(ask(service, getManagers), { code: "cluster.unreachable" });
  await service.start();
  assert.equal(service.ready(), undefined);
  await service.stop();
});
