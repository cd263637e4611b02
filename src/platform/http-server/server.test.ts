/** The HTTP server over real sockets on loopback: what people, programs and attackers would send it. */

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import * as fs from "node:fs/promises";
import * as http from "node:http";
import * as net from "node:net";
import * as os from "node:os";
import * as path from "node:path";
import { test, type TestContext } from "node:test";
import { DarnerError } from "#base/mod.ts";
import type { HttpServerOptions, Route, UpgradeRoute } from "./server.ts";
import type { ListenAddress } from "../machine/listen-address.ts";
import { createNodeHttpServer, httpLimits, type HttpLimits } from "./server.node.ts";
import { silentLog } from "../telemetry/log.ts";

const admit = async (): Promise<void> => {};

const routes: Route[] = [
  {
    method: "GET",
    path: "/hello/:name",
    doc: "",
    access: "open",
    handle: async ({ params, query }) => ({ status: 200, json: { ...params, q: query.get("q") } }),
  },
  {
    method: "GET",
    path: "/hello/world",
    doc: "",
    access: "open",
    handle: async () => ({ status: 200, text: "the world itself" }),
  },
  {
    method: "POST",
    path: "/echo",
    doc: "",
    access: "open",
    handle: async (request) => ({ status: 200, json: await request.json() }),
  },
  { method: "DELETE", path: "/echo", doc: "", access: "open", handle: async () => ({ status: 204 }) },
  { method: "GET", path: "/fail/:code", doc: "", access: "open", handle: ({ params }) => fail(params["code"]!) },
];

async function fail(code: string): Promise<never> {
  if (code === "bug") throw new TypeError("x is not a function");
  if (code === "later")
    throw new DarnerError("origin.rate-limited", "cannot fetch: told to wait", { retry: { afterMs: 1500 } });
  throw new DarnerError(code as "usage", `cannot do it: ${code}`);
}

interface Answer {
  readonly status: number;
  readonly headers: http.IncomingHttpHeaders;
  readonly body: string;
}

async function started(t: TestContext, options: Partial<HttpServerOptions> = {}, limits: Partial<HttpLimits> = {}) {
  const server = createNodeHttpServer({ routes, upgrades: [], admit, ...options }, silentLog, {
    ...httpLimits,
    ...limits,
  });
  t.after(() => server.close(0));
  const bound = await server.listen({ kind: "tcp", host: "127.0.0.1", port: 0 });
  assert.equal(bound.kind, "tcp");
  const port = (bound as ListenAddress & { kind: "tcp" }).port;
  return {
    server,
    port,
    ask: (method: string, target: string, body?: string | Buffer) => ask({ port }, method, target, body),
  };
}

function ask(where: http.RequestOptions, method: string, target: string, body?: string | Buffer): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const request = http.request({ host: "127.0.0.1", agent: false, ...where, method, path: target }, (response) => {
      let body = "";
      response.setEncoding("utf8").on("data", (chunk) => (body += chunk));
      response.on("error", reject);
      response.on("end", () => resolve({ status: response.statusCode!, headers: response.headers, body }));
    });
    request.on("error", reject).end(body);
  });
}

/** Longer than every limit that a test sets. */
const waitMsMax = 10_000;

/** Sends raw bytes and gives back all that comes until the server ends the connection. */
function raw(port: number, bytes: string): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = "";
    const socket = net.connect(port, "127.0.0.1", () => socket.write(bytes));
    socket.setEncoding("utf8").on("data", (chunk) => (text += chunk));
    socket.setTimeout(waitMsMax, () => reject(new Error(`the server left the connection open after ${text}`)));
    socket.on("error", reject).on("close", () => resolve(text));
  });
}

async function temporaryDirectory(t: TestContext): Promise<string> {
  const directory = await fs.mkdtemp(path.join(os.tmpdir(), "darner-http-"));
  t.after(() => fs.rm(directory, { recursive: true }));
  return directory;
}

const errorOf = (answer: Answer): { code: string; message: string } => JSON.parse(answer.body).error;

test("a path gives its named parts, decoded, and its query", async (t) => {
  const { ask } = await started(t);
  const answer = await ask("GET", "/hello/J%C3%B6rg?q=1");
  assert.deepEqual([answer.status, JSON.parse(answer.body)], [200, { name: "Jörg", q: "1" }]);
  assert.equal((await ask("GET", "/hello/world")).body, "the world itself", "a literal part wins over a named one");
});

test("what no route knows is refused in JSON: path, method, broken escape", async (t) => {
  const { ask } = await started(t);
  for (const target of ["/nowhere", "/hello", "/hello/", "/hello/world/", "//hello/world", "/nothing"]) {
    const answer = await ask("GET", target);
    assert.deepEqual([answer.status, errorOf(answer).code], [404, "cluster.refused"], target);
  }
  const wrongMethod = await ask("PUT", "/echo");
  assert.deepEqual([wrongMethod.status, wrongMethod.headers.allow], [405, "POST, DELETE"]);
  assert.equal((await ask("GET", "/hello/%zz")).status, 400);
});

test("HEAD is answered like GET, without the body", async (t) => {
  const { ask } = await started(t);
  const answer = await ask("HEAD", "/hello/world");
  assert.deepEqual([answer.status, answer.headers["content-length"], answer.body], [200, "16", ""]);
});

test("an answer without a body is one", async (t) => {
  const { ask } = await started(t);
  const answer = await ask("DELETE", "/echo");
  assert.deepEqual([answer.status, answer.body], [204, ""]);
});

test("a JSON body is read up to its bound and refused beyond it, announced or not", async (t) => {
  const { ask, port } = await started(t, {}, { bodyBytesMax: 100 });
  assert.equal((await ask("POST", "/echo", '{"a":1}')).body, '{"a":1}\n');
  assert.equal((await ask("POST", "/echo", "{")).status, 400);
  assert.match(errorOf(await ask("POST", "/echo")).message, /it is empty/);
  assert.equal((await ask("POST", "/echo", "1".repeat(101))).status, 413);
  // Neither of these sends its body to the end: the refusal comes as soon as the bound is passed.
  const head = "POST /echo HTTP/1.1\r\nHost: x\r\n";
  assert.match(await raw(port, `${head}Content-Length: 101\r\n\r\n`), /^HTTP\/1\.1 413 .*Connection: close/s);
  const chunked = `${head}Transfer-Encoding: chunked\r\n\r\n65\r\n${"1".repeat(0x65)}\r\n`;
  assert.match(await raw(port, chunked), /^HTTP\/1\.1 413 .*Connection: close/s);
});

test("a failure has the status of its kind, its code and whether to try again", async (t) => {
  const { ask } = await started(t);
  const statuses = [
    ["usage", 400],
    ["digest.malformed", 400],
    ["cluster.refused", 403],
    ["origin.not-found", 404],
    ["network.refused", 502],
    ["disk.full", 507],
    ["store.corrupt", 500],
    ["bug", 500],
  ] as const;
  for (const [code, status] of statuses) {
    const answer = await ask("GET", `/fail/${code}`);
    assert.deepEqual([code, answer.status, errorOf(answer).code], [code, status, code === "bug" ? "internal" : code]);
  }
  const later = await ask("GET", "/fail/later");
  assert.deepEqual([later.status, later.headers["retry-after"]], [503, "2"]);
});

test("a client that sends its head or its body slowly is sent away", async (t) => {
  const slowHead = await started(t, {}, { headTimeoutMs: 80 });
  assert.match(await raw(slowHead.port, "GET /hello/world HTTP/1.1\r\nX-A"), /^HTTP\/1\.1 408 /);
  const slowBody = await started(t, {}, { headTimeoutMs: 80, requestTimeoutMs: 120 });
  const posted = await raw(slowBody.port, "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 50\r\n\r\n{");
  assert.match(posted, /^HTTP\/1\.1 408 /);
});

test("what is not HTTP, or has a head without end, is refused", async (t) => {
  const { port } = await started(t);
  assert.match(await raw(port, "SSH-2.0-OpenSSH\r\n\r\n"), /^HTTP\/1\.1 400 /);
  assert.match(await raw(port, `GET / HTTP/1.1\r\nX: ${"x".repeat(20_000)}\r\n\r\n`), /^HTTP\/1\.1 431 /);
});

test("connections beyond the bound are dropped, the others go on", async (t) => {
  const { port, ask } = await started(t, {}, { connectionsMax: 1 });
  const first = net.connect(port, "127.0.0.1");
  await new Promise((resolve) => first.once("connect", resolve));
  await assert.rejects(ask("GET", "/hello/world"));
  first.destroy();
  // Until the server has noticed that the first one is gone.
  let answer: Answer | undefined;
  const endMs = performance.now() + waitMsMax;
  while (answer === undefined && performance.now() < endMs)
    answer = await ask("GET", "/hello/world").catch(() => undefined);
  assert.equal(answer?.status, 200);
});

test("an upgrade hands over the socket and what came behind the request; its end ends both halves", async (t) => {
  const echo: UpgradeRoute = {
    path: "/v1/link",
    doc: "",
    access: "open",
    handle(_request: http.IncomingMessage, socket: net.Socket, head: Buffer): void {
      socket.write("HTTP/1.1 101 Switching Protocols\r\nUpgrade: darner\r\nConnection: Upgrade\r\n\r\n");
      socket.write(head);
      socket.pipe(socket, { end: false });
    },
  };
  const { port, ask } = await started(t, { upgrades: [echo] });
  let text = "";
  const socket = net.connect(port, "127.0.0.1", () =>
    socket.write("GET /v1/link HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: darner\r\n\r\nearly "),
  );
  await new Promise<void>((resolve, reject) => {
    socket.setTimeout(waitMsMax, () => reject(new Error(`the server left the connection open after ${text}`)));
    socket
      .setEncoding("utf8")
      .on("error", reject)
      .on("close", () => resolve());
    socket.on("data", (chunk) => {
      text += chunk;
      if (text.endsWith("early ")) socket.write("late");
      if (text.endsWith("late")) socket.end();
    });
  });
  assert.match(text, /^HTTP\/1\.1 101 .*early late$/s);
  const plain = await ask("GET", "/v1/link");
  assert.deepEqual([plain.status, plain.headers.upgrade], [426, "darner"]);
});

test("an upgrade of a path that has none is a 404 and the end; h2c is passed over", async (t) => {
  const { port } = await started(t);
  const upgrade = "Connection: Upgrade\r\nUpgrade: h2c\r\n\r\n";
  assert.match(await raw(port, `GET /nothing HTTP/1.1\r\nHost: x\r\n${upgrade}`), /^HTTP\/1\.1 404 /);
  assert.match(
    await raw(port, `GET /hello/world HTTP/1.1\r\nHost: x\r\n${upgrade}`),
    /^HTTP\/1\.1 200 .*the world itself$/s,
  );
});

test("an upgrade that throws, or whose peer resets, ends its own connection only", async (t) => {
  const broken: UpgradeRoute = {
    path: "/broken",
    doc: "",
    access: "open",
    handle: () => assert.fail("a bug in a handler"),
  };
  const silent: UpgradeRoute = {
    path: "/silent",
    doc: "",
    access: "open",
    handle: (_: http.IncomingMessage, socket: net.Socket) => void socket.write("x"),
  };
  const { port, ask } = await started(t, { upgrades: [broken, silent] });
  const head = (target: string): string =>
    `GET ${target} HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: darner\r\n\r\n`;
  assert.equal(await raw(port, head("/broken")), "");
  const socket = net.connect(port, "127.0.0.1", () => socket.write(head("/silent")));
  await new Promise((resolve) => socket.once("data", resolve));
  socket.resetAndDestroy();
  assert.equal((await ask("GET", "/hello/world")).status, 200);
});

test("a port that is taken is named, with what to do", async (t) => {
  const { port } = await started(t);
  const second = createNodeHttpServer({ routes: [], upgrades: [], admit }, silentLog);
  await assert.rejects(second.listen({ kind: "tcp", host: "127.0.0.1", port }), (error: DarnerError) => {
    assert.equal(error.code, "port.taken");
    assert.match(
      error.message,
      new RegExp(`^cannot listen on 127\\.0\\.0\\.1:${port}: another process .* --listen HOST:PORT$`),
    );
    return true;
  });
  await assert.rejects(second.listen({ kind: "tcp", host: "192.0.2.1", port: 0 }), { code: "listen.failed" });
  await second.close(0);
});

test("a live unix socket is taken; one that a killed process left is replaced; another file is left alone", async (t) => {
  const directory = await temporaryDirectory(t);
  const address = { kind: "unix", path: path.join(directory, "darner.sock"), permissions: 0o600 } as const;
  leaveSocketBehind(address.path);
  const first = createNodeHttpServer({ routes, upgrades: [], admit }, silentLog);
  t.after(() => first.close(0));
  assert.deepEqual(await first.listen(address), address);
  assert.equal((await fs.stat(address.path)).mode & 0o777, 0o600);
  assert.equal((await ask({ socketPath: address.path }, "GET", "/hello/world")).status, 200);

  const second = createNodeHttpServer({ routes, upgrades: [], admit }, silentLog);
  await assert.rejects(second.listen(address), { code: "port.taken" });
  assert.equal(
    (await ask({ socketPath: address.path }, "GET", "/hello/world")).status,
    200,
    "the first one still answers",
  );

  const precious = path.join(directory, "notes.txt");
  await fs.writeFile(precious, "keep me");
  await assert.rejects(second.listen({ ...address, path: precious }), { code: "listen.failed", message: /no socket/ });
  assert.equal(await fs.readFile(precious, "utf8"), "keep me");
  await assert.rejects(second.listen({ ...address, path: `/tmp/${"x".repeat(120)}` }), {
    message: /at most 107 bytes/,
  });
});

/** A process that binds and is killed leaves its socket's file. */
function leaveSocketBehind(socketPath: string): void {
  const script = `require("net").createServer().listen(process.argv[1], () => process.kill(process.pid, "SIGKILL"))`;
  assert.throws(() => execFileSync(process.execPath, ["-e", script, socketPath], { stdio: "ignore" }));
}

test("closing lets a running answer finish and refuses new connections", async (t) => {
  const gate = Promise.withResolvers<void>();
  const entered = Promise.withResolvers<void>();
  const slow: Route = {
    method: "GET",
    path: "/slow",
    doc: "",
    access: "open",
    handle: async () => {
      entered.resolve();
      await gate.promise;
      return { status: 200, text: "done" };
    },
  };
  const { server, ask } = await started(t, { routes: [slow] });
  const answer = ask("GET", "/slow");
  await entered.promise;
  const closed = server.close(5000);
  await assert.rejects(ask("GET", "/slow"));
  gate.resolve();
  assert.equal((await answer).body, "done");
  await closed;
});

test("closing cuts what does not end within the grace: answers, upgrades, kept connections", async (t) => {
  const [asked, linked] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  const never: Route = {
    method: "GET",
    path: "/never",
    doc: "",
    access: "open",
    handle: () => (asked.resolve(), new Promise(() => {})),
  };
  const link: UpgradeRoute = {
    path: "/link",
    doc: "",
    access: "open",
    handle: (_: http.IncomingMessage, socket: net.Socket) => (socket.write("x"), linked.resolve()),
  };
  const { server, port, ask } = await started(t, { routes: [never], upgrades: [link], admit });
  // Accepted before the others, since it came before them.
  const idle = raw(port, "");
  const answer = assert.rejects(ask("GET", "/never"));
  const upgraded = raw(port, "GET /link HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: darner\r\n\r\n");
  await Promise.all([asked.promise, linked.promise]);
  const startedMs = performance.now();
  await server.close(100);
  assert.ok(performance.now() - startedMs < 5000);
  await Promise.all([answer, upgraded, idle]);
});
