/** The config service and those who know it, over real HTTP on loopback and a real database file. */

import * as assert from "node:assert/strict";
import * as fs from "node:fs";
import * as http from "node:http";
import type * as net from "node:net";
import * as os from "node:os";
import * as path from "node:path";
import { test, type TestContext } from "node:test";
import type { DarnerError } from "#base/mod.ts";
import { createConfigClient, createGate, type ConfigClient, type ManagerDirectory } from "#cluster/mod.ts";
import { nodeClock } from "#platform/machine/clock.node.ts";
import { sleep } from "#platform/machine/clock.ts";
import { createNodeHttpJson } from "#platform/http-asks/json.node.ts";
import { createNodeHttpServer } from "#platform/http-server/server.node.ts";
import { silentLog } from "#platform/telemetry/log.ts";
import { createNodeMetrics } from "#platform/telemetry/metrics.node.ts";
import { nodeRandom } from "#platform/machine/random.node.ts";
import { openSqlite } from "#platform/files/sqlite.node.ts";
import { createConfigService } from "#services/config-service/mod.ts";
import { sqliteClusterState } from "#storage/cluster-state/mod.ts";
import { endAll } from "../ending.ts";

const leaseMs = 1200;
/** Does not end because this machine stands still. */
const longLeaseMs = 60_000;
const patienceMs = 20_000;

interface Running {
  readonly port: number;
  stop(): Promise<void>;
}

/** What any of the answers may hold. */
interface Told {
  readonly version: number;
  readonly settings: Readonly<Record<string, unknown>>;
}

async function startService(file: string, lifeMs = leaseMs, port = 0): Promise<Running> {
  const store = sqliteClusterState(openSqlite(file));
  const metrics = createNodeMetrics();
  const service = createConfigService({
    clock: nodeClock,
    log: silentLog,
    metrics,
    store,
    leaseMs: lifeMs,
    pushPatterns: () => [],
    validate: (key) => (key === "upload-rate" ? undefined : `cannot change ${key}: there is no such setting`),
  });
  await service.start();
  const metricsRoute = {
    method: "GET",
    path: "/metrics",
    doc: "",
    access: "open",
    handle: async () => ({ status: 200, text: await metrics.text() }),
  } as const;
  const server = createNodeHttpServer(
    {
      routes: [...service.routes, metricsRoute],
      upgrades: [],
      admit: createGate({ trust: true, clock: nodeClock, log: silentLog }),
    },
    silentLog,
  );
  const bound = await server.listen({ kind: "tcp", host: "127.0.0.1", port });
  assert.equal(bound.kind, "tcp");
  await server.listen({ kind: "unix", path: `${file}.sock`, permissions: 0o600 });
  return {
    port: bound.kind === "tcp" ? bound.port : 0,
    async stop() {
      await service.stop();
      await server.close(1000);
      await store.close();
    },
  };
}

/** A service, a way to ask it, and the end of both with the test. */
async function started(t: TestContext) {
  const directory = fs.mkdtempSync(path.join(os.tmpdir(), "darner-config-"));
  const file = path.join(directory, "config.sqlite");
  const http = createNodeHttpJson();
  let service = await startService(file);
  const url = `http://127.0.0.1:${service.port}`;
  const client = createConfigClient({ http, clock: nodeClock, random: nodeRandom, log: silentLog, url, trust: true });
  const ends: (() => unknown)[] = [];
  t.after(async () => {
    await endAll(
      ...ends,
      () => service.stop(),
      () => http.close(),
      () => fs.rmSync(directory, { recursive: true, force: true }),
    );
  });
  return {
    client,
    url,
    ends,
    askLocally: (place: string, value: unknown) =>
      http.request({
        method: "PUT",
        url: new URL(place, url),
        socketPath: `${file}.sock`,
        body: { value },
        timeoutMs: patienceMs,
      }) as Promise<Told>,
    ask: (method: "GET" | "PUT" | "DELETE", place: string, body?: unknown) =>
      http.request({ method, url: new URL(place, url), body, timeoutMs: patienceMs }) as Promise<Told>,
    stopService: () => service.stop(),
    startServiceAgain: async () => {
      service = await startService(file, longLeaseMs, service.port);
    },
  };
}

async function until(what: string, holds: () => boolean | Promise<boolean>): Promise<void> {
  const deadlineMs = performance.now() + patienceMs;
  while (!(await holds())) {
    assert.ok(performance.now() < deadlineMs, `in time: ${what}`);
    await sleep(nodeClock, 10);
  }
}

const idsOf = (directory: ManagerDirectory): string =>
  directory
    .current()
    .map(({ id }) => id)
    .join(" ");

function register(client: ConfigClient, id: string, address: string, site?: string) {
  const url = `https://${id}.test:8002`;
  return client.registerManager(id, () => ({ url, address, ...(site === undefined ? {} : { site }) }));
}

test("managers register, hosts of each site hear of theirs first, and of one that dies", async (t) => {
  const { client, ask, ends } = await started(t);
  const lyon = register(client, "lyon", "10.2.0.1");
  const paris = register(client, "paris", "10.1.0.1", "paris");
  ends.push(() => lyon.stop());
  await ask("PUT", "/v1/settings/site-ranges", { value: "10.1.0.0/16=paris, 10.2.0.0/16=lyon" });
  const inParis = client.watchManagers({ site: "paris" });
  const inLyon = client.watchManagers({ address: "10.2.7.7" });
  ends.push(
    () => inParis.stop(),
    () => inLyon.stop(),
  );
  await until("both lists are whole", () => idsOf(inParis) === "paris lyon" && idsOf(inLyon) === "lyon paris");

  await until("a third one is told", async () => {
    await ask("PUT", "/v1/managers/killed", { url: "http://127.0.0.1:9", address: "10.1.0.9" });
    return idsOf(inParis).includes("killed");
  });
  await until("it is gone with its lease", () => !idsOf(inParis).includes("killed"));
  await paris.stop();
  await until("one that says goodbye is gone at once", () => idsOf(inParis) === "lyon");
});

test("a setting reaches those who run, and is validated", async (t) => {
  const { client, ask, askLocally, ends } = await started(t);
  const told: unknown[] = [];
  const watch = client.watchSettings(({ settings }) => told.push(settings["upload-rate"]));
  ends.push(() => watch.stop());
  await until("the settings are told at first", () => told.length === 1);
  await ask("PUT", "/v1/settings/upload-rate", { value: "10MB" });
  await until("the change is told", () => told.at(-1) === "10MB");
  await askLocally("/v1/settings/upload-rate", "20MB");
  await until("one over the unix socket is told", () => told.at(-1) === "20MB");
  await ask("DELETE", "/v1/settings/upload-rate");
  await until("its end is told", () => told.length === 4 && told[3] === undefined);
  await assert.rejects(ask("PUT", "/v1/settings/uplaod-rate", { value: 1 }), (error: DarnerError) => {
    assert.deepEqual(
      [error.code, error.message],
      ["settings.invalid", "cannot change uplaod-rate: there is no such setting"],
    );
    return true;
  });
});

test("while the service is down the list is kept; after its restart all is as it was", async (t) => {
  const { client, ask, ends, stopService, startServiceAgain } = await started(t);
  const manager = register(client, "paris", "10.1.0.1", "paris");
  const directory = client.watchManagers({});
  const told: unknown[] = [];
  const watch = client.watchSettings(({ settings }) => told.push(settings["upload-rate"]));
  ends.push(
    () => manager.stop(),
    () => directory.stop(),
    () => watch.stop(),
  );
  await ask("PUT", "/v1/settings/upload-rate", { value: 5 });
  await until("all is told", () => idsOf(directory) === "paris" && told.at(-1) === 5);
  const before = await ask("GET", "/v1/managers");
  let lists = 0;
  directory.onChange(() => lists++);

  await stopService();
  await sleep(nodeClock, leaseMs * 1.5);
  assert.equal(idsOf(directory), "paris");
  assert.equal(directory.pick(directory.current())?.id, "paris");
  await assert.rejects(ask("GET", "/v1/settings"), { code: "network.refused" });

  await startServiceAgain();
  assert.deepEqual(await ask("GET", "/v1/managers"), before);
  assert.equal((await ask("GET", "/v1/settings")).settings["upload-rate"], 5);
  await ask("PUT", "/v1/settings/upload-rate", { value: 6 });
  await until("watchers are back", () => told.at(-1) === 6);
  assert.equal(lists, 0, "nothing that a host would notice happened");
  const other = register(client, "other", "10.1.0.2");
  ends.push(() => other.stop());
  await until("and so is the list", () => directory.current().length === 2);
  assert.ok((await ask("GET", "/v1/managers")).version > before.version);
});

test("figures tell what the service does", async (t) => {
  const { client, ends, url } = await started(t);
  const manager = register(client, "paris", "10.1.0.1");
  const directory = client.watchManagers({});
  ends.push(
    () => manager.stop(),
    () => directory.stop(),
  );
  await directory.whenKnown(patienceMs);
  const text = async (): Promise<string> => await (await fetch(`${url}/metrics`)).text();
  await until("it watches", async () => /^darner_config_watchers\{what="managers"\} 1$/m.test(await text()));
  await until("its manager is up", async () => /^darner_config_managers\{health="up"\} 1$/m.test(await text()));
});

test("answers that are none of ours are failures with their reason", async (t) => {
  const server = http.createServer((request, response) => {
    if (request.url === "/html") response.end("<html>");
    else if (request.url?.startsWith("/404") === true) response.writeHead(404).end();
    else if (request.url === "/long") response.end("1".repeat(5 * 1024 * 1024));
    else if (request.url === "/cut")
      response.writeHead(200, { "Content-Length": 10 }).write("12", () => response.destroy());
    else if (request.url === "/raw") response.socket?.end("SSH-2.0\r\n\r\n");
  });
  await new Promise<void>((resolve) => void server.listen(0, "127.0.0.1", resolve));
  const asking = createNodeHttpJson();
  t.after(() => {
    asking.close();
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as net.AddressInfo;
  const ask = (place: string, facts: { timeoutMs?: number; signal?: AbortSignal } = {}) =>
    asking.request({
      method: "GET",
      url: new URL(`http://127.0.0.1:${port}${place}`),
      timeoutMs: patienceMs,
      ...facts,
    });
  await assert.rejects(ask("/html"), {
    code: "cluster.protocol",
    message: /\/html: the answer \(status 200\) is not JSON/,
  });
  await assert.rejects(ask("/404?secret"), { code: "cluster.protocol", message: /\/404: the answer is status 404/ });
  await assert.rejects(ask("/long"), { code: "cluster.protocol", message: /longer than 4194304 bytes/ });
  await assert.rejects(ask("/cut"), { code: "network.broken" });
  await assert.rejects(ask("/raw"), { code: "cluster.protocol", message: /not valid HTTP/ });
  await assert.rejects(ask("/never", { timeoutMs: 100 }), { code: "network.timeout", message: /within 100 ms/ });
  await assert.rejects(ask("/never", { signal: AbortSignal.timeout(50) }), { code: "interrupted" });
  await assert.rejects(ask("/never", { signal: AbortSignal.abort() }), { code: "interrupted" });
});

test("questions travel over a unix socket, and over a kept connection that was closed meanwhile", async (t) => {
  const directory = fs.mkdtempSync(path.join(os.tmpdir(), "darner-json-"));
  const socketPath = path.join(directory, "x.sock");
  const asking = createNodeHttpJson();
  let connections = 0;
  const server = http.createServer((_request, response) => response.end('{"ok":true}'));
  server.on("connection", (socket) => {
    connections++;
    let requests = 0;
    socket.prependListener("data", () => {
      // As when the idle time runs out on this side just as the next request is on its way.
      if (++requests > 1) socket.destroy();
    });
  });
  t.after(() => {
    asking.close();
    server.close();
    fs.rmSync(directory, { recursive: true, force: true });
  });
  const ask = () =>
    asking.request({ method: "GET", url: new URL("http://darner/x"), socketPath, timeoutMs: patienceMs });
  await assert.rejects(ask(), { code: "network.refused", message: /x\.sock for GET \/x: the socket does not exist/ });
  await new Promise<void>((resolve) => void server.listen(socketPath, resolve));
  assert.deepEqual(await ask(), { ok: true });
  assert.deepEqual(await ask(), { ok: true });
  assert.equal(connections, 2);
});
