/** The codes that loopback cannot provoke. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { DarnerError } from "#base/mod.ts";
import { networkError } from "./network-error.ts";

const action = "fetch https://host.example/x";

test("each errno has its code, its retry, and words that name the action", () => {
  for (const [errno, code, retry] of [
    ["EAI_AGAIN", "network.unknown-host", { afterMs: 1000 }],
    ["EHOSTUNREACH", "network.unreachable", { afterMs: 1000 }],
    ["ENETUNREACH", "network.unreachable", { afterMs: 1000 }],
    ["ETIMEDOUT", "network.timeout", { afterMs: 1000 }],
    ["EPIPE", "network.broken", "now"],
    ["SELF_SIGNED_CERT_IN_CHAIN", "tls.untrusted", "never"],
    ["ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION", "tls.failed", "never"],
    ["EWHATEVER", "network.broken", { afterMs: 1000 }],
  ] as const) {
    const error = networkError({ code: errno }, action);
    assert.equal(error.code, code);
    assert.deepEqual(error.retry, retry);
    assert.match(error.message, /^cannot fetch https:\/\/host\.example\/x: .+; .+/);
    assert.equal(error.facts["errno"], errno);
  }
});

test("words that the other side chose stay one short line", () => {
  const cert = { subjectaltname: `DNS:a\n\x1b[31m${"b".repeat(500)}` };
  const { message } = networkError({ code: "ERR_TLS_CERT_ALTNAME_INVALID", cert }, action);
  assert.match(message, /^[\x20-\x7e]+$/);
  assert.ok(message.length < 300);
});

test("what is ours already is passed on", () => {
  const ours = new DarnerError("deadline", "late");
  assert.equal(networkError(ours, action), ours);
});
