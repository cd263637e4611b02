/** Who gets past the gate, asked with requests that are no more than what it looks at. */

import * as assert from "node:assert/strict";
import type { IncomingMessage } from "node:http";
import { test } from "node:test";
import { silentLog } from "#platform/log.ts";
import { manualClock } from "../../test/manual-clock.ts";
import { createGate } from "./mod.ts";

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

test("without trust anybody may, but still no web page", async () => {
  const admit = createGate({ trust: false, clock: manualClock(), log: silentLog });
  await admit(change, request({ from: "10.0.0.77" }));
  await assert.rejects(admit(change, request({ from: "10.0.0.77", origin: "null" })), { code: "trust.right" });
});
