/** The epochs of a cluster, on a clock moved by hand and a shelf in memory. */

import * as assert from "node:assert/strict";
import type { IncomingMessage, ServerResponse } from "node:http";
import { test } from "node:test";
import { readSealEpochs, sealEpochsMax } from "#core/model/mod.ts";
import { authorityCertificate, readCertificate } from "#platform/keys/certificates.ts";
import { newSigningKey } from "#platform/keys/signing.ts";
import { nodeRandom } from "#platform/machine/random.node.ts";
import { silentLog } from "#platform/telemetry/log.ts";
import { memoryClusterState } from "#storage/cluster-state/mod.ts";
import { manualClock } from "../../../test/manual-clock.ts";
import { ApiTokens } from "./api-tokens.ts";
import { EpochKeeper, type KeptEpoch } from "./epoch-keeper.ts";
import { Membership } from "./membership.ts";
import { trustRoutes } from "./trust-routes.ts";
import { Watchers } from "./watchers.ts";

const dayMs = 86_400_000;

function opened(clock = manualClock()) {
  const kept = { epochs: [] as readonly KeptEpoch[], full: false };
  const watchers = new Watchers(clock, 8);
  const shelf = {
    read: () => kept.epochs,
    write(epochs: readonly KeptEpoch[]) {
      if (kept.full) throw new Error("the disk is full");
      kept.epochs = epochs;
    },
  };
  const ground = { clock, random: nodeRandom, log: silentLog, watchers };
  const open = (): EpochKeeper => new EpochKeeper({ ...ground, shelf, lifeMs: dayMs, keptMs: 3 * dayMs });
  return { clock, kept, open, watchers, keeper: open() };
}

test("an epoch lives its time; those before it stay as long as they are kept, and over a restart", async () => {
  const { clock, kept, keeper, open } = opened();
  const first = keeper.version;
  await clock.advance(dayMs - 120_000);
  assert.equal(keeper.version, first);
  await clock.advance(180_000);
  assert.ok(keeper.version > first);
  await clock.advance(dayMs * 6);
  const { epochs } = keeper.told;
  assert.deepEqual(epochs, readSealEpochs(epochs), "as managers read it");
  assert.ok(epochs.length >= 4 && epochs.length <= 5, `${epochs.length} are kept`);
  assert.equal(new Set(epochs.map(({ secret }) => secret)).size, epochs.length);
  assert.ok(!epochs.some(({ number }) => number === first));
  keeper.stop();
  assert.deepEqual(open().told, keeper.told);
  assert.equal(kept.epochs.length, epochs.length);
});

test("numbers rise though what was kept is lost", async () => {
  const { clock, kept, keeper, open } = opened();
  await clock.advance(5_000);
  kept.epochs = [];
  assert.ok(open().version > keeper.version);
});

test("an epoch that began by a clock that went wrong ends once the clock is set back, and no other does", async () => {
  const { clock, keeper } = opened();
  const first = keeper.version;
  clock.setWall(-3_600_000 / 2);
  await clock.advance(61_000);
  const second = keeper.version;
  assert.ok(second > first, "it would live for half an hour longer");
  await clock.advance(3_600_000);
  clock.setWall(-3_600_000);
  await clock.advance(61_000);
  assert.equal(keeper.version, second);
  clock.setWall(365 * dayMs);
  await clock.advance(61_000);
  const future = keeper.version;
  clock.setWall(0);
  await clock.advance(61_000);
  assert.ok(keeper.version > future, "it would live for a year");
});

test("many revocations push out each other's epochs, not those that much was sealed in", async () => {
  const { keeper, clock } = opened();
  const [long] = keeper.told.epochs;
  await clock.advance(60_000);
  for (let turn = 0; turn < 2 * sealEpochsMax; turn++) keeper.turn("revocation");
  const { epochs } = keeper.told;
  assert.equal(epochs.length, sealEpochsMax);
  assert.equal(epochs[0]!.secret, long!.secret);
});

test("what cannot be kept is told to nobody: the present epoch goes on, and time tries again", async () => {
  const { clock, kept, keeper } = opened();
  const { told } = keeper;
  kept.full = true;
  assert.throws(() => keeper.turn("revocation"));
  await clock.advance(dayMs + 60_000);
  assert.deepEqual(keeper.told, told);
  kept.full = false;
  await clock.advance(120_000);
  assert.ok(keeper.version > told.version);
});

test("a manager that is revoked while it waits for the next epoch is not told it; others are, without a wait", async () => {
  const { clock, keeper, watchers } = opened();
  const authorityKey = newSigningKey();
  const authority = { key: authorityKey, certificate: authorityCertificate(authorityKey, clock.wallMs(), nodeRandom) };
  const ground = { clock, log: silentLog, random: nodeRandom, store: memoryClusterState() };
  const onRevoked = async (ids: readonly string[]) => void (ids.length > 0 && keeper.turn("revocation"));
  const membership = await Membership.open({ ...ground, authority, certificateLifeMs: dayMs, onRevoked });
  const apiTokens = await ApiTokens.open({ ...ground, authority: "A" });
  const trust = { url: () => "", membership, apiTokens, epochs: keeper, epochWatchers: watchers };
  const route = trustRoutes(() => trust).find(({ path }) => path === "/v1/seal-epochs")!;
  const waits = async () => {
    const key = newSigningKey();
    const certificate = readCertificate(await membership.admit("manager", key, "m"));
    const tls = { encrypted: true, authorized: true, getPeerX509Certificate: () => certificate };
    const answer = route.handle({
      params: {},
      query: new URLSearchParams({ after: String(keeper.version), waitMs: "25000" }),
      headers: {},
      json: async () => ({}),
      raw: { socket: { remoteAddress: "10.0.0.7", ...tls } } as unknown as IncomingMessage,
      response: { once: () => undefined } as unknown as ServerResponse,
    });
    return { id: key.id, answer: Promise.resolve(answer) };
  };
  const [bad, good] = [await waits(), await waits()];
  const refused = assert.rejects(bad.answer, { code: "trust.right" });
  assert.equal(await membership.revoke(bad.id), true);
  await refused;
  assert.deepEqual((await good.answer)?.json, keeper.told);
});
