/** Whom a manager asks before the origin while it, or they, come and go. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { KnownManagers } from "#cluster/mod.ts";
import type { ManagerEntry } from "#core/placement/mod.ts";
import { readHostMessage, type HostMessage, type ManagerMessage, type TaskAsk } from "#core/protocol/mod.ts";
import { SimClock } from "#platform/machine/clock.sim.ts";
import { newSigningKey } from "#platform/keys/signing.ts";
import { nodeRandom } from "#platform/machine/random.node.ts";
import { silentLog } from "#platform/telemetry/log.ts";
import { MessageLink } from "#transfer/mod.ts";
import { MemoryNetwork } from "../../../../test/memory-network.ts";
import { ScriptedOrigin } from "../../../../test/scripted-origin.ts";
import { Borrowing } from "./borrowing.ts";
import { Colleagues } from "./colleagues.ts";

const task = "t".repeat(64);
const ask: TaskAsk = { url: "http://origin/a", headers: {}, filterQuery: [], tag: "" };

function entryOf(id: string): ManagerEntry {
  return { id, url: `http://${id}:8002`, site: "", address: "10.0.0.2", load: 0, version: "", health: "up" };
}

class Scene {
  readonly clock = new SimClock();
  readonly network = new MemoryNetwork(this.clock);
  readonly managers = new KnownManagers(this.clock);
  readonly key = newSigningKey();
  readonly revoked = new Set<string>();
  /** What the other manager was asked. */
  readonly asked: Extract<HostMessage, { kind: "ask" }>[] = [];
  readonly other = newSigningKey();
  /** What it says to that. */
  answer = (tell: (message: ManagerMessage) => void): void => {
    const error = { code: "cluster.refused", message: "it is not here", retry: "now" } as const;
    tell({ kind: "failed", task, error });
  };
  readonly colleagues = new Colleagues({
    clock: this.clock,
    random: nodeRandom,
    log: silentLog,
    dialler: this.network.dialler,
    key: this.key,
    trust: true,
    isRevoked: (id) => this.revoked.has(id),
    managers: this.managers,
    card: () => ({ id: this.key.id, name: "m", site: "", address: "10.0.0.1", port: 1 }),
  });

  constructor() {
    this.network.listen(this.other.id, {
      accept: (connection) => {
        const link = new MessageLink<HostMessage, ManagerMessage>(this.clock, readHostMessage, (message) => {
          const { publicKey } = this.other;
          const welcome = { version: "1.1", manager: this.other.id, hosts: 1, reportEveryMs: 500, publicKey };
          if (message.kind === "hello") link.send({ kind: "welcome", ...welcome });
          if (message.kind !== "ask") return;
          this.asked.push(message);
          this.answer((told) => link.send(told));
        });
        link.attach(connection);
        return { headers: {}, received: (bytes) => link.received(bytes), ended: () => link.ended() };
      },
    });
  }

  /** Resolves once it is clear that nobody lends it. */
  find(): Promise<unknown> {
    const { takeover } = this.colleagues.aidFor(task, new ScriptedOrigin(() => assert.fail("nothing to confirm")));
    return takeover.find(ask, "far", new AbortController().signal);
  }
}

test("a manager that has just started waits for the list of the others, who may have it, before the origin", async () => {
  const scene = new Scene();
  const { clock, managers, key, other } = scene;
  const finding = scene.find();
  await clock.settle(500);
  managers.take({ managers: [entryOf(key.id), entryOf(other.id)] });
  await clock.settle(100);
  assert.equal(await finding, undefined);
  assert.equal(scene.asked.length, 1);
});

test("without a config service's word nobody is waited for any more after two seconds", async () => {
  const scene = new Scene();
  let isOver = false;
  void scene.find().then(() => (isOver = true));
  await scene.clock.settle(1_900);
  assert.ok(!isOver);
  await scene.clock.settle(200);
  assert.ok(isOver);
  isOver = false;
  void scene.find().then(() => (isOver = true));
  await scene.clock.settle(0);
  assert.ok(isOver);
});

test("a manager that is not in the list, as it knows it, asks those that are for what they have", async () => {
  const scene = new Scene();
  scene.managers.take({ managers: [entryOf(scene.other.id)] });
  const finding = scene.find();
  await scene.clock.settle(100);
  assert.equal(await finding, undefined);
  assert.deepEqual(
    scene.asked.map(({ heldOnly }) => heldOnly),
    [true],
    "to others it may be the owner: nobody is to fetch it on its word",
  );
});

test("the tickets of a colleague that was revoked count no longer", async () => {
  const scene = new Scene();
  scene.managers.take({ managers: [entryOf(scene.key.id), entryOf(scene.other.id)] });
  const finding = scene.find();
  await scene.clock.settle(100);
  await finding;
  assert.deepEqual([...scene.colleagues.keys], [scene.other.publicKey]);
  scene.revoked.add(scene.other.id);
  assert.deepEqual([...scene.colleagues.keys], []);
});

test("of managers that come and go for years the newest are known, those of today among them", () => {
  const { managers, colleagues } = new Scene();
  for (let number = 0; number < 10_000; number++)
    managers.take({ managers: [entryOf("always"), entryOf(`m${number}`), entryOf(`m${number + 1}`)] });
  assert.ok(["always", "m9999", "m10000", "m8000"].every((id) => colleagues.knows(id)));
  assert.ok(!colleagues.knows("m0"));
});

for (const [answersMs, isLent] of [
  [6_000, true],
  [12_000, false],
] as const) {
  test(`a colleague whose origin answers after ${answersMs} ms is ${isLent ? "" : "not "}waited for`, async () => {
    const scene = new Scene();
    const { clock, network, other } = scene;
    scene.answer = (tell) => {
      for (let afterMs = 1_500; afterMs < answersMs; afterMs += 1_500)
        clock.after(afterMs, () => tell({ kind: "filling", task }));
      const head = { task, generation: "g", pieceBytes: 65_536, lengthBytes: 1, url: ask.url, validator: '"v1"' };
      clock.after(answersMs, () => tell({ kind: "head", head }));
    };
    const borrowing = new Borrowing({
      clock,
      dialler: network.dialler,
      trust: false,
      isRevoked: () => false,
      card: () => ({ id: "m", name: "m", site: "", address: "10.0.0.1", port: 1 }),
      onKey: () => undefined,
      onFailed: () => undefined,
    });
    const asking = borrowing.ask(entryOf(other.id), task, ask, true);
    await clock.settle(15_000);
    assert.equal((await asking)?.head.generation, isLent ? "g" : undefined);
    borrowing.stop();
  });
}
