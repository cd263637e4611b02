/** Keys made from the secret of an epoch: the same for whoever knows it, others for everything else. */

import assert from "node:assert/strict";
import { test } from "node:test";
import type { SealEpoch } from "#core/model/mod.ts";
import { SimClock } from "#platform/machine/clock.sim.ts";
import { nodeRandom } from "#platform/machine/random.node.ts";
import { SealEpochs } from "./seal-epochs.ts";
import { Sealing } from "./sealing.ts";

const task = "5e".repeat(32);
const epoch = (number: number, fill = number): SealEpoch => ({
  number,
  secret: Buffer.alloc(32, fill).toString("base64"),
});

const alone = (): SealEpochs => new SealEpochs({ own: nodeRandom.bytes(32) });

function knowing(...told: readonly SealEpoch[]): SealEpochs {
  const epochs = alone();
  assert.equal(epochs.take(told), true);
  return epochs;
}

test("two managers make one key, and one that starts again makes it again, in a later epoch too", () => {
  const first = new Sealing(task, { epochs: knowing(epoch(7)) });
  const second = new Sealing(task, { epochs: knowing(epoch(6), epoch(7)) });
  const facts = first.renew(nodeRandom, "v1", 100);
  assert.deepEqual(facts.derived, { epoch: 7, version: "v1" });
  assert.deepEqual(second.renew(nodeRandom, "v1", 100), facts);
  assert.equal(first.secret, second.secret);
  const later = new Sealing(task, { epochs: knowing(epoch(7), epoch(8)) });
  assert.equal(later.take(undefined, facts), true);
  assert.equal(later.secret, first.secret);
});

test("another task, version or epoch has another key", () => {
  const keyOf = (id: string, version: string, number: number): string =>
    new Sealing(id, { epochs: knowing(epoch(number)) }).renew(nodeRandom, version, 100).keyId;
  const keys = [keyOf(task, "v1", 7), keyOf("6f".repeat(32), "v1", 7), keyOf(task, "v2", 7), keyOf(task, "v1", 8)];
  assert.equal(new Set(keys).size, keys.length);
});

test("an epoch that is forgotten, or has another secret under its number, gives no key", () => {
  const facts = new Sealing(task, { epochs: knowing(epoch(7)) }).renew(nodeRandom, "v1", 100);
  for (const epochs of [alone(), knowing(epoch(8)), knowing(epoch(7, 99))])
    assert.equal(new Sealing(task, { epochs }).take(undefined, facts), false);
});

test("an older list, replayed, takes nothing back", () => {
  const epochs = knowing(epoch(7), epoch(8));
  assert.equal(epochs.take([epoch(6), epoch(7)]), false);
  assert.equal(epochs.current, 8);
  assert.equal(new Sealing(task, { epochs }).renew(nodeRandom, "v1", 1).derived?.epoch, 8);
  assert.equal(epochs.take([epoch(9)]), true);
  assert.deepEqual(
    [epochs.current, epochs.secretOf(8)],
    [9, undefined],
    "and a newer one forgets what it does not name",
  );
});

test("a manager that is told of no epoch makes its keys from one of its own: again as long as it lives, and nobody else", () => {
  const epochs = alone();
  const facts = new Sealing(task, { epochs }).renew(nodeRandom, "v1", 1);
  const kept = { kind: "object", url: "u", generation: "g", pieceBytes: 4096, seal: facts } as const;
  assert.equal(Sealing.forKept(task, kept, epochs).opens(kept), true, "a task that was put away comes back");
  assert.equal(Sealing.forKept(task, kept, alone()).opens(kept), false);
  assert.equal(epochs.take([epoch(7)]), true);
  assert.equal(epochs.current, 7);
  assert.equal(Sealing.forKept(task, kept, epochs).opens(kept), true);
});

test("a host that fetches for itself has random keys, and takes those that it is told", () => {
  const [one, other] = [new Sealing(task), new Sealing(task)];
  const facts = one.renew(nodeRandom, "v1", 1);
  assert.equal(facts.derived, undefined);
  assert.notEqual(other.renew(nodeRandom, "v1", 1).keyId, facts.keyId);
  assert.deepEqual([other.take(undefined, facts), other.take(one.secret, facts)], [false, true]);
});

test("who is to be told waits for it, and no longer than a few seconds", async () => {
  const clock = new SimClock();
  const waited = async (epochs: SealEpochs, tell: boolean): Promise<number> => {
    const startMs = clock.nowMs();
    let endMs: number | undefined;
    void epochs.whenTold().then(() => (endMs = clock.nowMs()));
    await clock.settle(100);
    if (tell) epochs.take([epoch(1)]);
    while (endMs === undefined) await clock.settle(100);
    return endMs - startMs;
  };
  assert.ok((await waited(new SealEpochs({ own: Buffer.alloc(32), clock }), true)) <= 200);
  const longMs = await waited(new SealEpochs({ own: Buffer.alloc(32), clock }), false);
  assert.ok(longMs >= 3_000 && longMs <= 3_200, `${longMs} ms`);
  assert.ok((await waited(alone(), false)) <= 100, "nobody tells");
});
