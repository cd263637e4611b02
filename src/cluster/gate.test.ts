/** Who gets past the gate, asked with requests that are no more than what it looks at. */

import * as assert from "node:assert/strict";
import type { IncomingMessage } from "node:http";
import { test } from "node:test";
import type { MemberRole, Scope } from "#core/model/mod.ts";
import { memberCertificate, readCertificate } from "#platform/keys/certificates.ts";
import { nodeRandom } from "#platform/machine/random.node.ts";
import { newSigningKey } from "#platform/keys/signing.ts";
import { silentLog } from "#platform/telemetry/log.ts";
import { manualClock } from "../../test/manual-clock.ts";
import { createGate } from "./mod.ts";

const dayMs = 86_400_000;

interface Asking {
  readonly from?: string | undefined;
  readonly origin?: string;
  /** What the server listens on: a path for a unix socket. */
  readonly listens?: unknown;
}

const change = { method: "PUT", path: "/v1/x", access: ["admin"] } as const;
const look = { method: "GET", path: "/v1/x", access: ["read"] } as const;
const health = { method: "GET", path: "/healthz", access: "open" } as const;

function request({ from, origin, listens = { port: 1 } }: Asking): IncomingMessage {
  const socket = { remoteAddress: from, server: { address: () => listens } };
  return { socket, headers: origin === undefined ? {} : { origin } } as unknown as IncomingMessage;
}

const authority = newSigningKey();

/** Over TLS, which has found the certificate good or says why not. */
function certified(role: MemberRole, wallMs: number, error?: string): IncomingMessage {
  const wanted = { role, publicKey: authority.publicKey, lifeMs: dayMs, wallMs, random: nodeRandom };
  const found = readCertificate(memberCertificate(authority, wanted));
  const socket = {
    remoteAddress: "127.0.0.1",
    encrypted: true,
    authorized: error === undefined,
    authorizationError: error,
    getPeerX509Certificate: () => found,
  };
  return { socket, headers: {} } as unknown as IncomingMessage;
}

function bearing(token: string): IncomingMessage {
  const socket = { remoteAddress: "127.0.0.1", encrypted: true, getPeerX509Certificate: () => undefined };
  return { socket, headers: { authorization: `Bearer ${token}` } } as unknown as IncomingMessage;
}

function inCluster(revoked: readonly string[] = []) {
  const clock = manualClock();
  const lines: Record<string, unknown>[] = [];
  const log = { ...silentLog, warn: (_event: string, facts = {}) => void lines.push(facts) };
  const scopesOf = async (token: string): Promise<readonly Scope[] | undefined> =>
    ({ reads: ["read"] as const, rules: ["admin"] as const })[token];
  const cluster = { isRevoked: (id: string) => revoked.includes(id), scopesOf };
  return { admit: createGate({ trust: true, clock, log, cluster }), clock, lines };
}

test("outside of a cluster, only callers on this machine may, and a web page never changes anything", async () => {
  const admit = createGate({ trust: true, clock: manualClock(), log: silentLog });
  for (const from of ["10.0.0.77", "fe80::1%eth0", undefined]) {
    for (const route of [change, look])
      await assert.rejects(admit(route, request({ from })), { code: "trust.credential", message: /on this machine/ });
    await admit(health, request({ from }));
  }
  const page = { from: "127.0.0.1", origin: "http://evil.test" };
  await assert.rejects(admit(change, request(page)), { code: "trust.right", message: /web page/ });
  await admit(look, request(page));
  for (const from of ["127.0.0.1", "::1", "::ffff:127.0.0.1"]) await admit(change, request({ from }));
  await admit(change, request({ listens: "/run/darner/darner.sock" }));
});

test("a page whose name was pointed at loopback sees nothing, although its browser is here and tells no origin", async () => {
  const admit = createGate({ trust: true, clock: manualClock(), log: silentLog });
  const named = (host: string) => {
    const { socket } = request({ from: "127.0.0.1" });
    return { socket, headers: { host } } as unknown as IncomingMessage;
  };
  for (const host of ["evil.test:8002", "localhost.evil.test", "10.0.0.1:8002", "[", ""])
    await assert.rejects(admit(look, named(host)), { code: "trust.right", message: /another name/ }, host);
  for (const host of ["127.0.0.1:8002", "localhost:8002", "[::1]:8002", "x.localhost"]) await admit(look, named(host));
});

test("without trust anybody may, but still no web page", async () => {
  const admit = createGate({ trust: false, clock: manualClock(), log: silentLog });
  await admit(change, request({ from: "10.0.0.77" }));
  await assert.rejects(admit(change, request({ from: "10.0.0.77", origin: "null" })), { code: "trust.right" });
});

test("a member of a cluster asks everybody for a credential, its own machine's callers too", async () => {
  const { admit, lines } = inCluster();
  for (const from of ["127.0.0.1", "10.0.0.77", undefined])
    await assert.rejects(admit(look, request({ from })), { code: "trust.credential", message: /none was shown/ });
  await admit(change, request({ listens: "/run/darner/darner.sock" }));
  await admit(health, request({ from: "10.0.0.77" }));
  assert.deepEqual(lines[0], { method: "GET", path: "/v1/x", remote: "127.0.0.1", why: lines[0]!["why"] });
});

test("a certificate opens what its role may, until it ends or is revoked; one that does not count opens nothing", async () => {
  const forHosts = { method: "GET", path: "/v1/managers", access: ["host"] } as const;
  const { admit, clock } = inCluster();
  const host = certified("host", clock.wallMs());
  await admit(forHosts, host);
  await assert.rejects(admit(change, host), { code: "trust.right", message: /is a host; it should be admin/ });
  const manager = certified("manager", clock.wallMs());
  await assert.rejects(admit(forHosts, manager), { code: "trust.right" });
  await assert.rejects(admit(forHosts, certified("config-service", clock.wallMs())), { code: "trust.right" });
  const foreign = certified("host", clock.wallMs(), "UNABLE_TO_VERIFY_LEAF_SIGNATURE");
  await assert.rejects(admit(forHosts, foreign), { code: "trust.credential", message: /UNABLE_TO_VERIFY/ });
  await assert.rejects(inCluster([authority.id]).admit(forHosts, host), {
    code: "trust.credential",
    message: /revoked/,
  });
  await clock.advance(dayMs + 1000);
  await assert.rejects(admit(forHosts, host), { code: "trust.credential", message: /has ended/ });
});

test("a token opens what its scope covers, and admin covers the others", async () => {
  const { admit } = inCluster();
  await admit(look, bearing("reads"));
  await assert.rejects(admit(change, bearing("reads")), { code: "trust.right", message: /scope is read/ });
  await admit(change, bearing("rules"));
  await admit(look, bearing("rules"));
  for (const token of ["", "guess", "rules\u0000", "x".repeat(5000)])
    await assert.rejects(admit(look, bearing(token)), { code: "trust.credential" });
  const forManagers = { method: "POST", path: "/v1/x", access: ["manager"] } as const;
  await assert.rejects(admit(forManagers, bearing("rules")), { code: "trust.right" });
});

test("refusals are logged with their cause, at most ten a second", async () => {
  const { admit, clock, lines } = inCluster();
  for (let count = 0; count < 100; count++) await admit(look, request({ from: "10.0.0.77" })).catch(() => undefined);
  assert.equal(lines.length, 10);
  await clock.advance(1000);
  await admit(look, request({ from: "10.0.0.77" })).catch(() => undefined);
  assert.equal(lines.length, 11);
});
