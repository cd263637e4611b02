/** One port for TLS and plain HTTP, and who comes through it with which certificate. */

import * as assert from "node:assert/strict";
import * as net from "node:net";
import { test, type TestContext } from "node:test";
import type { DarnerError } from "#base/mod.ts";
import type { MemberRole } from "#core/model/mod.ts";
import { authorityCertificate, memberCertificate } from "../keys/certificates.ts";
import { callerOf, type Caller } from "../sockets/caller.ts";
import { acceptUpgrade, createDialler } from "../sockets/connection.node.ts";
import type { Route, UpgradeRoute } from "./server.ts";
import { createNodeHttpServer, httpLimits } from "./server.node.ts";
import { createNodeHttpJson } from "../http-asks/json.node.ts";
import { createNodeIdentity, createNodeVisitor } from "../keys/identity.node.ts";
import type { Identity, TlsParty } from "../keys/identity.ts";
import { silentLog } from "../telemetry/log.ts";
import { nodeRandom } from "../machine/random.node.ts";
import { newSigningKey } from "../keys/signing.ts";

const dayMs = 86_400_000;

/** A cluster's authority, which may give out certificates of any time. */
function authorityOfTest() {
  const key = newSigningKey();
  const authority = authorityCertificate(key, Date.now(), nodeRandom);
  const issue = (
    role: MemberRole,
    times: { fromMs?: number; lifeMs?: number } = {},
    own = newSigningKey(),
  ): Identity => {
    const { fromMs = 0, lifeMs = dayMs } = times;
    const wanted = { role, publicKey: own.publicKey, lifeMs, wallMs: Date.now() + fromMs, random: nodeRandom };
    return createNodeIdentity({ authority, certificate: memberCertificate(key, wanted), key: own });
  };
  return { authority, issue };
}

const ours = authorityOfTest();
const others = authorityOfTest();

async function serving(t: TestContext, identity: Identity, limits = httpLimits) {
  const callers: Caller[] = [];
  const who: Route = {
    method: "GET",
    path: "/who",
    doc: "",
    access: "open",
    async handle({ raw }) {
      callers.push(callerOf(raw));
      return { status: 200, json: callers.at(-1) };
    },
  };
  const link: UpgradeRoute = {
    path: "/link",
    doc: "",
    access: "open",
    handle(_request, socket, head) {
      const echo = acceptUpgrade(socket, head, {}, { onBytes: (bytes) => echo.send(bytes), onClose() {} });
    },
  };
  const options = { routes: [who], upgrades: [link], admit: async () => {}, identity };
  const server = createNodeHttpServer(options, silentLog, limits);
  t.after(() => server.close(0));
  const bound = await server.listen({ kind: "tcp", host: "127.0.0.1", port: 0 });
  const port = bound.kind === "tcp" ? bound.port : 0;
  const ask = async (party?: TlsParty, role: MemberRole = "manager"): Promise<Caller> => {
    const http = createNodeHttpJson(party);
    const url = new URL(`${party === undefined ? "http" : "https"}://127.0.0.1:${port}/who`);
    try {
      return (await http.request({ method: "GET", url, role, timeoutMs: 10_000 })) as Caller;
    } finally {
      http.close();
    }
  };
  return { port, ask };
}

test("the same port answers plain HTTP, TLS without a certificate, and members by their role", async (t) => {
  const { ask } = await serving(t, ours.issue("manager"));
  assert.deepEqual(await ask(), { kind: "address", address: "127.0.0.1" });
  assert.deepEqual(await ask(createNodeVisitor(ours.authority)), { kind: "address", address: "127.0.0.1" });
  const host = ours.issue("host");
  const caller = await ask(host);
  assert.deepEqual([caller.kind, caller.kind === "member" && caller.member], ["member", { ...host.member }]);
});

test("a clock that is four minutes behind the authority's is forgiven", async (t) => {
  const { ask } = await serving(t, ours.issue("manager", { fromMs: 4 * 60_000 }));
  assert.equal((await ask(ours.issue("host", { fromMs: 4 * 60_000 }))).kind, "member");
});

test("a certificate that does not count makes a stranger of its holder, and says why", async (t) => {
  const { ask } = await serving(t, ours.issue("manager"));
  const why = async (party: Identity): Promise<string | undefined> => {
    const caller = await ask({ context: () => party.context() });
    return caller.kind === "address" ? caller.why : undefined;
  };
  const stolenName = (identity: Identity): Identity => ({ ...identity, context: () => identity.context() });
  assert.match((await why(ours.issue("host", { lifeMs: -1000 }))) ?? "", /CERT_HAS_EXPIRED/);
  assert.match((await why(ours.issue("host", { fromMs: dayMs }))) ?? "", /CERT_NOT_YET_VALID/);
  // Another cluster's member believes our authority to come through, and shows its own certificate.
  const foreign = createForeigner("host");
  assert.match((await why(stolenName(foreign))) ?? "", /UNABLE_TO_|SELF_SIGNED|SIGNATURE/);
});

/** Shows another cluster's certificate and believes ours. */
function createForeigner(role: MemberRole): Identity {
  const foreign = others.issue(role);
  const tls = process.getBuiltinModule("node:tls");
  const context = tls.createSecureContext({ ca: ours.authority, ...foreign.shown });
  return { ...foreign, member: foreign.member, shown: foreign.shown, context: () => context };
}

test("who dials accepts nothing but the role it looks for, of its own cluster, at this time", async (t) => {
  const me = ours.issue("host");
  const cases: readonly [Identity, string, RegExp][] = [
    [others.issue("manager"), "tls.untrusted", /not of the cluster/],
    [ours.issue("config-service"), "tls.name", /not of the role/],
    [ours.issue("manager", { lifeMs: -1000 }), "tls.expired", /check both clocks/],
    [ours.issue("manager", { fromMs: dayMs }), "tls.expired", /check both clocks/],
    // A host's certificate is for clients: it cannot play the manager whatever its name.
    [ours.issue("host"), "tls.untrusted", /not of the cluster/],
  ];
  for (const [server, code, message] of cases) {
    const { port, ask } = await serving(t, server);
    await assert.rejects(ask(me), { code, message });
    const dialled = createDialler(undefined, me).dial(
      { host: "127.0.0.1", port, path: "/link", headers: {}, timeoutMs: 10_000, secureTo: "manager" },
      { onClose() {} },
    );
    await assert.rejects(dialled, (error: DarnerError) => error.code === code && message.test(error.message));
  }
});

test("who has joined no cluster speaks TLS to none of its members", async (t) => {
  const { port } = await serving(t, ours.issue("manager"));
  const refused = { code: "trust.required", message: /joined no cluster/ };
  const url = new URL(`https://127.0.0.1:${port}/who`);
  const http = createNodeHttpJson();
  await assert.rejects(http.request({ method: "GET", url, role: "manager", timeoutMs: 10_000 }), refused);
  http.close();
  const dialled = createDialler().dial(
    { host: "127.0.0.1", port, path: "/link", headers: {}, timeoutMs: 10_000, secureTo: "manager" },
    { onClose() {} },
  );
  await assert.rejects(dialled, refused);
});

test("a framed connection over TLS: both sides know who the other is", async (t) => {
  const manager = ours.issue("manager");
  const { port } = await serving(t, manager);
  const heard = Promise.withResolvers<string>();
  const { connection, member } = await createDialler(undefined, ours.issue("host")).dial(
    { host: "127.0.0.1", port, path: "/link", headers: {}, timeoutMs: 10_000, secureTo: "manager" },
    { onBytes: (bytes) => heard.resolve(Buffer.from(bytes).toString()), onClose() {} },
  );
  assert.equal(member?.id, manager.member.id);
  connection.send(Buffer.from("hello"));
  assert.equal(await heard.promise, "hello");
  connection.close();
});

test("a renewed certificate is shown from the next connection on, and another key's is refused", async (t) => {
  const key = newSigningKey();
  const manager = ours.issue("manager", { lifeMs: dayMs }, key);
  const { ask, port } = await serving(t, manager);
  await ask(ours.issue("host"));
  const longer = ours.issue("manager", { lifeMs: 2 * dayMs }, key);
  manager.renew(longer.shown.cert);
  const { member } = await createDialler(undefined, ours.issue("host")).dial(
    { host: "127.0.0.1", port, path: "/link", headers: {}, timeoutMs: 10_000, secureTo: "manager" },
    { onClose() {} },
  );
  assert.equal(member?.endsAtMs, longer.member.endsAtMs);
  assert.throws(() => manager.renew(ours.issue("manager").shown.cert), {
    code: "store.corrupt",
    message: /another key/,
  });
});

test("a connection that says nothing, or begins a handshake and stops, is ended in time", async (t) => {
  const { port } = await serving(t, ours.issue("manager"), { ...httpLimits, headTimeoutMs: 300 });
  for (const first of ["", "\x16", "\x16\x03\x01\x02\x00\x01", "G"]) {
    const socket = net.connect(port, "127.0.0.1").on("error", () => {});
    const startedMs = performance.now();
    if (first !== "") socket.write(Buffer.from(first, "latin1"));
    socket.resume();
    await new Promise((resolve) => socket.once("close", resolve));
    assert.ok(performance.now() - startedMs < 5000, `ended in time after ${JSON.stringify(first)}`);
  }
});
