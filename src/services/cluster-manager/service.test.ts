/** A whole manager with hosts on connections in memory: what it lends while it waits, and what stays behind. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { readManagerMessage, type HostMessage, type ManagerMessage, type TaskAsk } from "#core/protocol/mod.ts";
import { SimClock } from "#platform/machine/clock.sim.ts";
import { sleep } from "#platform/machine/clock.ts";
import { SimDisk } from "#platform/files/disk.sim.ts";
import { newSigningKey } from "#platform/keys/signing.ts";
import { nodeRandom } from "#platform/machine/random.node.ts";
import { silentLog } from "#platform/telemetry/log.ts";
import { TaskCache } from "#storage/pieces/mod.ts";
import { MessageLink, taskIdOf } from "#transfer/mod.ts";
import { MemoryConnection, MemoryNetwork } from "../../../test/memory-network.ts";
import { ScriptedOrigin, type ScriptedObject } from "../../../test/scripted-origin.ts";
import { ClusterManager } from "./mod.ts";

const noMetrics = {
  counter: () => ({ add() {} }),
  gauge() {},
  histogram: () => ({ observe() {} }),
  text: async () => "",
};

async function newManager(serve: (clock: SimClock) => Promise<ScriptedObject>) {
  const clock = new SimClock();
  const disk = new SimDisk({ wallMs: () => clock.wallMs() });
  const marks = { quotaBytes: () => 1e9, highWatermark: () => 0.9, lowWatermark: () => 0.8, spaceAhead: true };
  const cache = await TaskCache.open({ disk, directory: "/data", boot: new Uint8Array(8), clock, ...marks });
  const origin = new ScriptedOrigin(async () => ({ wallMs: clock.wallMs(), ...(await serve(clock)) }));
  const manager = new ClusterManager({
    clock,
    random: nodeRandom,
    log: silentLog,
    metrics: noMetrics,
    origin,
    cache,
    dialler: new MemoryNetwork(clock).dialler,
    key: newSigningKey(),
    trust: false,
    name: "m",
    advertise: () => ({ address: "10.0.0.9", port: 8002 }),
    settings: {
      originConnections: 1,
      uploadRateBytesPerSecond: Infinity,
      uploadSlots: 4,
      pieceBytes: undefined,
      taskHostsMax: 2_000,
      seal: "marked",
    },
  });
  return { clock, origin, manager, host: (id: string) => new Host(clock, manager, id) };
}

class Host {
  readonly heard: ManagerMessage[] = [];
  readonly #link: MessageLink<ManagerMessage, HostMessage>;

  constructor(clock: SimClock, manager: ClusterManager, id: string) {
    const [near, far] = [0, 1].map(() => new MemoryConnection(clock, id, (bytes) => bytes));
    near!.peer = far;
    far!.peer = near;
    this.#link = new MessageLink(clock, readManagerMessage, (message) => void this.heard.push(message));
    near!.receive = (bytes) => this.#link.received(bytes);
    near!.onClose = () => this.#link.ended();
    const owner = manager.acceptControl(far!, "10.0.0.1");
    far!.receive = (bytes) => owner.received(bytes);
    far!.onClose = () => owner.ended();
    this.#link.attach(near!);
    this.send({ kind: "hello", version: "1.1", host: { id, name: id, site: "", address: "10.0.0.1", port: 1 } });
  }

  send(message: HostMessage): void {
    this.#link.send(message);
  }

  ask(url: string, more: { readonly heldOnly?: boolean; readonly small?: boolean } = {}): string {
    const ask: TaskAsk = { url, headers: {}, filterQuery: [], tag: "" };
    const task = taskIdOf(ask);
    this.send({ kind: "ask", task, ask, ...more });
    return task;
  }

  leave(): void {
    this.#link.close();
  }

  get kinds(): string {
    return this.heard.map(({ kind }) => kind).join(" ");
  }
}

test("a manager lends what its origin has been asked for, though it has not answered yet, and nothing else", async () => {
  const { clock, origin, manager, host } = await newManager(async (clock) => {
    await sleep(clock, 5_000);
    return { content: new Uint8Array(1000), etag: '"v1"' };
  });
  const other = host("other");
  await clock.settle(10);
  const task = other.ask("http://origin/a", { heldOnly: true });
  await clock.settle(100);
  assert.match(other.kinds, /failed$/);
  other.heard.length = 0;
  host("h").ask("http://origin/a");
  await clock.settle(100);
  other.ask("http://origin/a", { heldOnly: true });
  await clock.settle(1_900);
  assert.match(other.kinds, /filling/, "it hears in time that the answer is waited for");
  await clock.settle(5_000);
  assert.match(other.kinds, /head/);
  assert.equal(origin.asked.length, 1);
  assert.equal([...manager.tasks()].map(([id]) => id).join(), task);
  await manager.stop();
});
