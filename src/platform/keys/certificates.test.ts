/** Certificates as OpenSSL and another library read them, and as TLS takes or refuses them. */

import * as assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { test } from "node:test";
import "../../../test/origin/reflect-metadata.ts";
import { BasicConstraintsExtension, ExtendedKeyUsageExtension, X509Certificate as Twin } from "@peculiar/x509";
import { authorityCertificate, certificateFingerprint, memberCertificate, memberOf } from "./certificates.ts";
import { nodeRandom } from "../machine/random.node.ts";
import { newSigningKey } from "./signing.ts";

const wallMs = Date.UTC(2026, 10, 26, 12);
const authority = newSigningKey();
const root = new X509Certificate(authorityCertificate(authority, wallMs, nodeRandom));

function issue(role: "config-service" | "manager" | "host", lifeMs = 86_400_000, nowMs = wallMs) {
  const key = newSigningKey();
  const { publicKey } = key;
  const pem = memberCertificate(authority, { role, publicKey, lifeMs, wallMs: nowMs, random: nodeRandom });
  return { key, pem, read: new X509Certificate(pem) };
}

test("a member's certificate is the authority's, says its role and its key, and nothing of its place", () => {
  const { key, read } = issue("manager");
  assert.ok(root.ca && root.verify(root.publicKey) && root.checkIssued(root));
  assert.ok(!read.ca && read.verify(root.publicKey) && read.checkIssued(root));
  assert.deepEqual(memberOf(read), {
    role: "manager",
    id: key.id,
    publicKey: key.publicKey,
    startsAtMs: wallMs,
    endsAtMs: wallMs + 86_400_000,
  });
  assert.equal(read.subjectAltName, "DNS:manager.darner.internal");
  assert.equal(read.validFromDate.getTime(), wallMs - 5 * 60_000, "five minutes for a clock that is behind");
});

test("another library reads the same: who may sign others, who may serve", () => {
  const twin = (pem: string): Twin => new Twin(pem);
  const rootTwin = twin(root.toString());
  assert.equal(rootTwin.getExtension(BasicConstraintsExtension)?.ca, true);
  assert.equal(rootTwin.getExtension(BasicConstraintsExtension)?.pathLength, 0);
  const uses = (pem: string): string[] => [...twin(pem).getExtension(ExtendedKeyUsageExtension)!.usages].map(String);
  assert.deepEqual(uses(issue("host").pem), ["1.3.6.1.5.5.7.3.2"], "a host serves nobody over TLS");
  assert.deepEqual(uses(issue("manager").pem), ["1.3.6.1.5.5.7.3.1", "1.3.6.1.5.5.7.3.2"]);
  assert.equal(twin(issue("host").pem).getExtension(BasicConstraintsExtension)?.ca, false);
});

test("times beyond 2049 and numbers of any first bit are read back as they were", () => {
  const far = issue("host", 86_400_000, Date.UTC(2049, 11, 31, 12)).read;
  assert.equal(far.validToDate.toISOString(), "2050-01-01T12:00:00.000Z");
  const serials = new Set(Array.from({ length: 200 }, () => issue("host").read.serialNumber));
  assert.equal(serials.size, 200);
  for (const serial of serials) assert.match(serial, /^[4-7][0-9A-F]{31}$/, "positive, sixteen bytes");
});

test("a fingerprint is of the very bytes", () => {
  const other = authorityCertificate(newSigningKey(), wallMs, nodeRandom);
  assert.equal(certificateFingerprint(root.toString()).length, 43);
  assert.notEqual(certificateFingerprint(root.toString()), certificateFingerprint(other));
});
