/** Certificates: which are believed, which are not, and what each refusal says. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { createNodeHttpClient } from "#platform/http-client/client.node.ts";
import { fetchAll, originForFile, troubleOf, visitor } from "../../test/origin/visit.ts";

const body = Buffer.from("over TLS");

test("an origin whose authority was named is believed", async () => {
  const origin = await originForFile({ https: "good" });
  origin.serve("/x", { body });
  const visit = visitor({ caCertificates: [origin.caCertificate!] });
  assert.equal((await fetchAll(visit, { url: origin.url("/x") })).toString(), "over TLS");
});

test("the same origin without its authority is not, and the message says what to do", async () => {
  const origin = await originForFile({ https: "good" });
  const trouble = await troubleOf(visitor(), { url: origin.url("/x?key=s3cret") }, "tls.untrusted");
  assert.match(trouble.message, /--ca-certificate FILE/);
  assert.doesNotMatch(trouble.message, /s3cret/);
  assert.equal(trouble.retry, "never");
  assert.equal(origin.requests.length, 0);
});

test("NODE_TLS_REJECT_UNAUTHORIZED switches nothing off", async () => {
  const origin = await originForFile({ https: "good" });
  process.env["NODE_TLS_REJECT_UNAUTHORIZED"] = "0";
  try {
    await troubleOf(visitor(), { url: origin.url("/x") }, "tls.untrusted");
  } finally {
    delete process.env["NODE_TLS_REJECT_UNAUTHORIZED"];
  }
});

test("a self-signed certificate", async () => {
  const origin = await originForFile({ https: "self-signed" });
  const trouble = await troubleOf(visitor(), { url: origin.url("/x") }, "tls.untrusted");
  assert.match(trouble.message, /self-signed.*--ca-certificate FILE/);
});

test("a certificate for another name", async () => {
  const origin = await originForFile({ https: "wrong-name" });
  const visit = visitor({ caCertificates: [origin.caCertificate!] });
  const trouble = await troubleOf(visit, { url: origin.url("/x") }, "tls.name");
  assert.match(trouble.message, /DNS:elsewhere\.example/);
  assert.equal(trouble.retry, "never");
});

test("a certificate that has expired, and one from the future", async () => {
  for (const [kind, says] of [
    ["expired", /has expired/],
    ["not-yet-valid", /clock/],
  ] as const) {
    const origin = await originForFile({ https: kind });
    const visit = visitor({ caCertificates: [origin.caCertificate!] });
    const trouble = await troubleOf(visit, { url: origin.url("/x") }, "tls.expired");
    assert.match(trouble.message, says);
    assert.equal(trouble.retry, "never");
  }
});

test("https to a port that speaks plain HTTP", async () => {
  const origin = await originForFile();
  const url = origin.url("/x").replace("http://", "https://");
  const trouble = await troubleOf(visitor(), { url }, "tls.failed");
  assert.match(trouble.message, /check that the port speaks TLS/);
});

test("a reset in mid-body under TLS is a broken or short body, never a whole one", async () => {
  const origin = await originForFile({ https: "good" });
  origin.serve("/x", { body: { sizeBytes: 200_000, seed: 1 }, resetAfterBytes: 50_000 });
  const visit = visitor({ caCertificates: [origin.caCertificate!] });
  await assert.rejects(fetchAll(visit, { url: origin.url("/x") }), { code: /origin.body-short|network.broken/ });
});

test("from https down to http is refused, up is followed", async () => {
  const plain = await originForFile();
  const secure = await originForFile({ https: "good" });
  const visit = visitor({ caCertificates: [secure.caCertificate!] });
  plain.serve("/up", { redirectTo: secure.url("/x") });
  secure.serve("/x", { body });
  secure.serve("/down", { redirectTo: plain.url("/x") });
  assert.equal((await fetchAll(visit, { url: plain.url("/up") })).toString(), "over TLS");
  const trouble = await troubleOf(visit, { url: secure.url("/down") }, "origin.redirect-scheme");
  assert.ok(trouble.message.includes(plain.url("/x")), trouble.message);
  assert.equal(plain.requestsOf("/x").length, 0);
});

test("an authority's text that is none is refused at once", () => {
  const broken = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n";
  for (const text of ["no PEM at all", broken]) {
    assert.throws(() => createNodeHttpClient({ caCertificates: [text] }), { code: "settings.invalid" });
  }
});
