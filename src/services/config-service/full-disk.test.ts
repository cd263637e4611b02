/** A disk without room, at each write of the config service: what was not acknowledged did not happen. */

import * as assert from "node:assert/strict";
import { test } from "node:test";
import { DarnerError } from "#base/mod.ts";
import { joinProof } from "#core/model/mod.ts";
import { authorityCertificate } from "#platform/keys/certificates.ts";
import { newSigningKey, type SigningKey } from "#platform/keys/signing.ts";
import { nodeRandom } from "#platform/machine/random.node.ts";
import { silentLog } from "#platform/telemetry/log.ts";
import { memoryClusterState, type ClusterState, type RecordKind } from "#storage/cluster-state/mod.ts";
import { manualClock } from "../../../test/manual-clock.ts";
import { ApiTokens } from "./api-tokens.ts";
import { Membership } from "./membership.ts";
import { Preheats } from "./preheats.ts";

const full = { code: "disk.full" };
const image = { what: { kind: "image", url: "https://reg.test/v2/a/manifests/v1", platforms: [] } } as const;

const noRoom = (): DarnerError => new DarnerError("disk.full", "cannot write: no space left");

/** A store that takes nothing of the kinds in `fullFor`, and deletes nothing while `keeps`. */
function newStore() {
  const memory = memoryClusterState();
  const fullFor = new Set<RecordKind>();
  const disk = { keeps: false };
  const assertRoom = (kind: RecordKind): void => {
    if (fullFor.has(kind)) throw noRoom();
  };
  const store: ClusterState = {
    ...memory,
    async putRecords(...records) {
      for (const { kind } of records) assertRoom(kind);
      await memory.putRecords(...records);
    },
    async deleteRecord(kind, id) {
      if (disk.keeps) throw noRoom();
      assertRoom(kind);
      return await memory.deleteRecord(kind, id);
    },
  };
  return { store, memory, fullFor, disk };
}

function newGround() {
  const clock = manualClock();
  const key = newSigningKey();
  const authority = { key, certificate: authorityCertificate(key, clock.wallMs(), nodeRandom) };
  const ground = { clock, log: silentLog, random: nodeRandom };
  const trust = { ...ground, authority, certificateLifeMs: 60_000, onRevoked: async () => undefined };
  return { clock, ground, trust };
}

function ask(token: string, key: SigningKey) {
  const signature = key.sign("join", joinProof(token, key.publicKey));
  return { token, publicKey: key.publicKey, signature, name: "b", address: "10.0.0.2" };
}

test("a token that could not be revoked counts still, and is revoked once there is room", async () => {
  const { store, fullFor } = newStore();
  const options = { ...newGround().ground, store, authority: "A".repeat(43) };
  const tokens = await ApiTokens.open(options);
  const text = await tokens.create({ name: "ci", scopes: ["admin"], lifeMs: null });
  fullFor.add("api-token");
  await assert.rejects(tokens.revoke("ci"), full);
  assert.deepEqual(tokens.scopesOf(text), ["admin"], "as it would after a restart");
  fullFor.clear();
  assert.equal(await tokens.revoke("ci"), true);
  assert.equal((await ApiTokens.open(options)).scopesOf(text), undefined);
});

test("a join token that could not be withdrawn is withdrawn once there is room", async () => {
  const { store, fullFor } = newStore();
  const membership = await Membership.open({ ...newGround().trust, store });
  await membership.invite({ role: "host", uses: 1, lifeMs: 60_000 });
  const { id } = membership.invitations[0]!;
  fullFor.add("join-token");
  await assert.rejects(membership.withdraw(id), full);
  assert.equal(membership.invitations.length, 1);
  fullFor.clear();
  assert.equal(await membership.withdraw(id), true);
  assert.equal(membership.invitations.length, 0);
});

for (const kind of ["member", "join-token"] as const) {
  test(`a join that could not be stored for want of room for a ${kind} spends nothing, here or after a restart`, async () => {
    const { store, fullFor } = newStore();
    const { trust } = newGround();
    const membership = await Membership.open({ ...trust, store });
    const { token } = await membership.invite({ role: "host", uses: 1, lifeMs: 60_000 });
    const key = newSigningKey();
    fullFor.add(kind);
    await assert.rejects(membership.join(ask(token, key)), full);
    fullFor.clear();
    const again = await Membership.open({ ...trust, store });
    for (const one of [membership, again]) {
      assert.equal(one.members.length, 0);
      assert.equal(one.invitations[0]?.usesLeft, 1);
    }
    await membership.join(ask(token, key));
    assert.equal(membership.members.length, 1);
  });
}

test("a preheat order that is taken is taken, though an old one could not be forgotten", async () => {
  const { store, fullFor, memory, disk } = newStore();
  const old = { order: image, createdAtMs: 0, updatedAtMs: 0, state: "done", private: false, near: false };
  for (let id = 1; id <= 2000; id++)
    await memory.putRecords({ kind: "preheat", id: String(id), value: { ...old, id: String(id), managers: {} } });
  const preheats = await Preheats.open({ ...newGround().ground, store, managers: () => ["m"] });
  disk.keeps = true;
  const { id } = await preheats.create({ order: image, near: false });
  assert.equal(preheats.get(id).state, "open");
  disk.keeps = false;
  await preheats.create({ order: image, near: false });
  assert.equal(preheats.all.length, 2000);
  fullFor.add("preheat");
  await assert.rejects(preheats.create({ order: image, authorization: "Basic x", near: false }), full);
  assert.equal(preheats.work.length, 2);
});
