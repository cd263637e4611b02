/** Join tokens, members and operators' tokens under attack, over a store in memory and a clock moved by hand. */

import * as assert from "node:assert/strict";
import { test } from "node:test";
import { joinProof, readToken, revokedMembersKey, type JoinableRole } from "#core/model/mod.ts";
import {
  authorityCertificate,
  certificateFingerprint,
  memberOf,
  readCertificate,
} from "#platform/keys/certificates.ts";
import { sha256Hex } from "#platform/keys/digest.ts";
import { silentLog } from "#platform/telemetry/log.ts";
import { nodeRandom } from "#platform/machine/random.node.ts";
import { newSigningKey, type SigningKey } from "#platform/keys/signing.ts";
import { memoryClusterState } from "#storage/cluster-state/mod.ts";
import { manualClock } from "../../../test/manual-clock.ts";
import { ApiTokens } from "./api-tokens.ts";
import { Membership } from "./membership.ts";

const hourMs = 3_600_000;
const dayMs = 24 * hourMs;

async function opened(lifeMs = 7 * dayMs) {
  const clock = manualClock();
  const store = memoryClusterState();
  const key = newSigningKey();
  const authority = { key, certificate: authorityCertificate(key, clock.wallMs(), nodeRandom) };
  const told: string[][] = [];
  const options = {
    clock,
    log: silentLog,
    random: nodeRandom,
    store,
    authority,
    certificateLifeMs: lifeMs,
    onRevoked: async (ids: readonly string[]) => void told.push([...ids]),
  };
  const membership = await Membership.open(options);
  const invite = async (uses = 1, role: JoinableRole = "host") =>
    (await membership.invite({ role, uses, lifeMs: hourMs })).token;
  return { membership, invite, clock, store, authority, told, reopen: () => Membership.open(options) };
}

function ask(token: string, key: SigningKey, signed = token) {
  const signature = key.sign("join", joinProof(signed, key.publicKey));
  return { token, publicKey: key.publicKey, signature, name: "b", address: "10.0.0.2" };
}

test("a token makes a member of its role, certified for the key that signed", async () => {
  const { membership, invite, authority, clock } = await opened();
  const key = newSigningKey();
  const token = await invite(1, "manager");
  assert.equal(readToken(token)?.authority, certificateFingerprint(authority.certificate));
  const { certificate, role } = await membership.join(ask(token, key));
  const member = memberOf(readCertificate(certificate));
  assert.deepEqual([role, member?.role, member?.id], ["manager", "manager", key.id]);
  assert.ok(readCertificate(certificate).verify(readCertificate(authority.certificate).publicKey));
  assert.ok(Math.abs(member!.endsAtMs - clock.wallMs() - 7 * dayMs) < 2000);
});

test("what is stored of a token is its digest", async () => {
  const { store, invite, authority } = await opened();
  const token = await invite();
  const tokens = await ApiTokens.open({
    clock: manualClock(),
    log: silentLog,
    random: nodeRandom,
    store,
    authority: "A",
  });
  const api = await tokens.create({ name: "ci", scopes: ["read"], lifeMs: null });
  const stored = JSON.stringify([await store.records("join-token"), await store.records("api-token")]);
  for (const text of [token, api]) {
    assert.ok(stored.includes(sha256Hex(text)));
    assert.ok(!stored.includes(readToken(text.replace(/\.A$/, `.${"A".repeat(43)}`))!.secret));
  }
  assert.ok(!stored.includes(certificateFingerprint(authority.certificate)));
});

test("a token is refused when it is used, ended, guessed, withdrawn, or not signed for by the key", async () => {
  const { membership, invite, clock } = await opened();
  const [first, second] = [newSigningKey(), newSigningKey()];
  const token = await invite();
  const refused = (message: RegExp) => ({ code: "trust.join", message });
  await assert.rejects(membership.join(ask(token, first, `${token}x`)), refused(/did not sign/));
  const stolen = { ...ask(token, second), publicKey: first.publicKey };
  await assert.rejects(membership.join(stolen), refused(/did not sign/));
  await membership.join(ask(token, first));
  await assert.rejects(membership.join(ask(token, second)), refused(/used already/));
  await assert.rejects(membership.join(ask(token.replace("_host_", "_manager_"), second)), refused(/unknown here/));

  const late = await invite();
  await clock.advance(hourMs + 1);
  await assert.rejects(membership.join(ask(late, second)), refused(/has ended/));
  const withdrawn = await invite();
  assert.equal(await membership.withdraw(sha256Hex(withdrawn).slice(0, 8)), true);
  await assert.rejects(membership.join(ask(withdrawn, second)), refused(/unknown here/));
});

test("of a hundred that come at once with a token for three, three are let in", async () => {
  const { membership, invite } = await opened();
  const token = await invite(3);
  const joins = Array.from({ length: 100 }, () => membership.join(ask(token, newSigningKey())));
  const outcomes = await Promise.allSettled(joins);
  assert.equal(outcomes.filter(({ status }) => status === "fulfilled").length, 3);
  assert.equal(membership.members.length, 3);
});

test("an answer that was lost is asked for again with the same key, also after a restart, and nothing more is spent", async () => {
  const { invite, membership, reopen } = await opened();
  const key = newSigningKey();
  const token = await invite(1);
  await membership.join(ask(token, key));
  const again = await reopen();
  await again.join(ask(token, key));
  assert.equal(again.members.length, 1);
  await assert.rejects(again.join(ask(token, newSigningKey())), { code: "trust.join" });
});

test("a revoked member gets nothing any more, and all are told until its last certificate has ended", async () => {
  const { membership, invite, clock, told, reopen } = await opened(dayMs);
  const key = newSigningKey();
  const token = await invite(2);
  await membership.join(ask(token, key));
  await membership.renew(key.id, key.publicKey);
  assert.equal(await membership.revoke("f".repeat(32)), false);
  assert.equal(await membership.revoke(key.id), true);
  assert.deepEqual([told.at(-1), membership.isRevoked(key.id)], [[key.id], true]);
  await assert.rejects(membership.renew(key.id, key.publicKey), { code: "trust.credential" });
  await assert.rejects(membership.join(ask(token, key)), { code: "trust.join", message: /was revoked/ });
  assert.equal((await reopen()).isRevoked(key.id), true, "after a restart too");
  await clock.advance(dayMs + 1);
  await reopen();
  assert.deepEqual(told.at(-1), []);
  assert.equal(revokedMembersKey, "revoked-members");
});

test("nobody renews another's certificate", async () => {
  const { membership, invite } = await opened();
  const [mine, yours] = [newSigningKey(), newSigningKey()];
  await membership.join(ask(await invite(), mine));
  await assert.rejects(membership.renew(mine.id, yours.publicKey), { code: "trust.credential" });
  await assert.rejects(membership.renew(yours.id, yours.publicKey), { code: "trust.credential" });
});

test("operators' tokens: their scopes, their end, their name, and none after a revocation", async () => {
  const clock = manualClock();
  const store = memoryClusterState();
  const options = { clock, log: silentLog, random: nodeRandom, store, authority: "A".repeat(43) };
  const tokens = await ApiTokens.open(options);
  const ci = await tokens.create({ name: "ci", scopes: ["preheat"], lifeMs: hourMs });
  const nagios = await tokens.create({ name: "nagios", scopes: ["read"], lifeMs: null });
  await assert.rejects(tokens.create({ name: "ci", scopes: ["admin"], lifeMs: null }), { code: "cluster.refused" });
  assert.deepEqual([tokens.scopesOf(ci), tokens.scopesOf(nagios)], [["preheat"], ["read"]]);
  assert.equal(tokens.scopesOf(`${ci}x`), undefined);
  await clock.advance(hourMs);
  assert.equal(tokens.scopesOf(ci), undefined, "ended");
  const again = await ApiTokens.open(options);
  assert.deepEqual(again.scopesOf(nagios), ["read"]);
  assert.deepEqual([await again.revoke("nagios"), await again.revoke("nagios")], [true, false]);
  assert.deepEqual([again.scopesOf(nagios), (await ApiTokens.open(options)).scopesOf(nagios)], [undefined, undefined]);
});
