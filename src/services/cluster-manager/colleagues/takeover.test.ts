/**
 * A manager that is asked for an object by hosts whose manager died: what it believes them, what it gets
 * from them, and what it asks the origin for.
 */

import assert from "node:assert/strict";
import { test } from "node:test";
import { DarnerError } from "#base/mod.ts";
import type { ManagerEntry } from "#core/placement/mod.ts";
import type { ManagerMessage, ManifestHead, RecalledManifest, TaskAsk } from "#core/protocol/mod.ts";
import { SimClock } from "#platform/machine/clock.sim.ts";
import { sha256 } from "#platform/keys/digest.ts";
import { SimDisk } from "#platform/files/disk.sim.ts";
import { silentLog } from "#platform/telemetry/log.ts";
import { nodeRandom } from "#platform/machine/random.node.ts";
import { newSigningKey, type SigningKey } from "#platform/keys/signing.ts";
import { PieceFile, TaskCache } from "#storage/pieces/mod.ts";
import { joinDigests, Limiter, ManifestChain, nameGeneration, ticketRefusal, Uploads } from "#transfer/mod.ts";
import { MemoryNetwork, type MemoryConnection } from "../../../../test/memory-network.ts";
import { ScriptedOrigin, type ScriptedObject } from "../../../../test/scripted-origin.ts";
import { Accusations } from "../hosts/mod.ts";
import { Colleagues } from "./colleagues.ts";
import { ManagedTask, TaskVersion } from "../tasks/mod.ts";
import type { VersionHost } from "../hosts/mod.ts";

const task = "t".repeat(64);
const url = "http://origin/a";
const ask: TaskAsk = { url, headers: {}, filterQuery: [], tag: "" };
const pieceBytes = 65_536;
const content = Uint8Array.from({ length: 4 * pieceBytes + 1000 }, (_, index) => (index * 31) & 0xff);
const validator = '"v1"';
const head: ManifestHead = {
  task,
  generation: nameGeneration({ task, validator, lengthBytes: content.length, pieceBytes }, nodeRandom),
  url,
  pieceBytes,
  lengthBytes: content.length,
  validator,
};
const pieceOf = (index: number): Uint8Array => content.subarray(index * pieceBytes, (index + 1) * pieceBytes);

/** As the manager with this key told it before it died. */
function manifestBy(key: SigningKey, indices: readonly number[]): RecalledManifest {
  const chain = new ManifestChain(head);
  for (const index of indices) chain.add(index, sha256(pieceOf(index)));
  const digests = joinDigests(indices.map((index) => sha256(pieceOf(index))));
  return { head, managerKey: key.publicKey, indices, digests, signature: key.sign("manifest", chain.seal()) };
}

class Scene {
  readonly clock = new SimClock();
  readonly network = new MemoryNetwork(this.clock);
  readonly dead = newSigningKey();
  readonly key = newSigningKey();
  readonly origin: ScriptedOrigin;
  readonly disk = new SimDisk({ wallMs: () => this.clock.wallMs() });
  managed: ManagedTask | undefined;

  constructor(serve: (number: number) => ScriptedObject) {
    this.origin = new ScriptedOrigin(async (_, number) => ({ wallMs: this.clock.wallMs(), ...serve(number) }));
  }

  /** Or starts again. */
  async start(): Promise<ManagedTask> {
    const { clock, network, key, origin, disk } = this;
    const ground = { clock, random: nodeRandom, log: silentLog, dialler: network.dialler, key, trust: true };
    const marks = { quotaBytes: () => 1e9, highWatermark: () => 0.9, lowWatermark: () => 0.8, spaceAhead: true };
    const cache = await TaskCache.open({ disk, directory: "/data", boot: new Uint8Array(8), clock, ...marks });
    const limiter = new Limiter(clock, Infinity);
    const uploads = new Uploads({ clock, log: silentLog, limiter, slots: 4, refusal: () => null, trust: true });
    const known = [{ id: this.dead.id, url: "http://dead:8002" }] as ManagerEntry[];
    const managers = {
      current: () => known,
      onChange: () => () => undefined,
      whenKnown: async () => known,
      pick: () => undefined,
      failed: () => undefined,
      answered: () => undefined,
      stop: () => undefined,
    };
    const seed = { id: key.id, address: "10.0.0.9", port: 8002, seed: true };
    const colleagues = new Colleagues({ ...ground, managers, card: () => ({ ...seed, name: "m", site: "" }) });
    const accusations = new Accusations(ground);
    this.managed = new ManagedTask({
      ...ground,
      origin,
      cache,
      limiter,
      task,
      connectionsMax: () => 1,
      pieceBytes,
      hosts: () => 10,
      onOriginBytes: () => undefined,
      mustSeal: () => false,
      assertMayRead: async () => undefined,
      ...colleagues.aidFor(task, origin),
      openVersion: async (id, folder, asked) => {
        const store = await cache.hold(id, folder);
        const sign = (seal: Uint8Array): string => key.sign("manifest", seal);
        const own = {
          clock,
          log: silentLog,
          unit: () => 0,
          task: id,
          ask: asked,
          store,
          uploads,
          seed,
          sign,
          site: "",
        };
        return new TaskVersion({ ...own, accusations, onShutOut: () => {}, onSpoiled: () => {} });
      },
    });
    return this.managed;
  }

  /** A host that got these pieces and heard this manifest from the dead manager; it joins the new one. */
  async host(id: string, pieces: readonly number[], manifest: RecalledManifest | undefined): Promise<ManagerMessage[]> {
    const { clock, network, key } = this;
    const disk = new SimDisk();
    const files = { content: await disk.open("/c", "keep"), journal: await disk.open("/j", "keep") };
    const store = await PieceFile.open({ ...files, boot: new Uint8Array(8), clock });
    await store.begin({ kind: "object", url, generation: head.generation, pieceBytes, lengthBytes: content.length });
    for (const index of pieces) await store.put(index, pieceOf(index), sha256(pieceOf(index)));
    const refusal = (request: { task: string; ticket?: string }, asker: string): string | null =>
      ticketRefusal(request.ticket, { task: request.task, host: asker }, [key.publicKey], clock.wallMs());
    const limiter = new Limiter(clock, Infinity);
    const uploads = new Uploads({ clock, log: silentLog, limiter, slots: 2, refusal, trust: true });
    uploads.serve({ task, generation: head.generation, store });
    network.listen(id, {
      accept: (connection: MemoryConnection, options) => {
        const nonce = `${id}:1`;
        const owner = uploads.accept(connection, options.headers["Darner-Host"]!, nonce);
        return { headers: { "darner-nonce": nonce }, ...owner };
      },
    });
    const heard: ManagerMessage[] = [];
    const host: VersionHost = {
      card: { id, name: id, site: "", address: id, port: 1 },
      caller: "far",
      send: (message) => void heard.push(message),
      ticket: () => undefined,
      recall: async () => manifest,
    };
    const held = Buffer.from(store.have.toBytes()).toString("base64");
    void this.managed!.join({ host, ask, holds: { generation: head.generation, pieces: held } });
    return heard;
  }

  get ranges(): string {
    const shown = this.origin.asked.map(({ range, unless }) =>
      range === undefined ? (unless === undefined ? "all" : "changed?") : `${range.start / pieceBytes}-`,
    );
    return shown.join(" ");
  }
}

const sameObject = (): ScriptedObject => ({ content, etag: validator });

test("what the hosts hold comes from them; the origin is asked only for what nobody has", async () => {
  const scene = new Scene(sameObject);
  const managed = await scene.start();
  const manifest = manifestBy(scene.dead, [0, 1, 2, 3]);
  const one = await scene.host("10.0.0.1", [0, 1], manifest);
  await scene.host("10.0.0.2", [1, 2], manifest);
  await scene.clock.settle(6_000);
  assert.equal(scene.ranges, "changed? 4- 3-", "first what was never listed, last what is lost");
  assert.equal(scene.origin.bytesSent, pieceBytes + 1000);
  assert.equal(managed.current?.generation, head.generation, "no host loses a piece");
  const { end } = managed.current.store;
  assert.equal(end?.lengthBytes, content.length);
  const kinds = one.map(({ kind }) => kind);
  assert.deepEqual([kinds[0], kinds.at(-1)], ["head", "ended"]);
});

test("a host that comes back later still gives its piece before the origin is asked", async () => {
  const scene = new Scene(sameObject);
  await scene.start();
  const manifest = manifestBy(scene.dead, [0, 1, 2, 3, 4]);
  await scene.host("10.0.0.1", [0, 1], manifest);
  await scene.clock.settle(900);
  await scene.host("10.0.0.2", [2, 3, 4], manifest);
  await scene.clock.settle(6_000);
  assert.deepEqual([scene.ranges, scene.origin.bytesSent], ["changed?", 0]);
});

test("nobody but a manager of this cluster is believed", async () => {
  const scene = new Scene(sameObject);
  await scene.start();
  await scene.host("10.0.0.1", [0, 1], manifestBy(newSigningKey(), [0, 1]));
  const cut = manifestBy(scene.dead, [0, 1, 2]);
  await scene.host("10.0.0.2", [0], { ...cut, indices: [0, 1], digests: manifestBy(scene.dead, [0, 1]).digests });
  await scene.host("10.0.0.3", [0], { ...cut, head: { ...head, pieceBytes: 2 * pieceBytes } });
  await scene.clock.settle(6_000);
  assert.deepEqual([scene.ranges, scene.origin.bytesSent], ["all", content.length]);
});

test("an object that has changed meanwhile is fetched anew, with the answer that says so", async () => {
  const newer = content.map((byte) => byte ^ 0xff);
  const scene = new Scene(() => ({ content: newer, etag: '"v2"' }));
  const managed = await scene.start();
  await scene.host("10.0.0.1", [0, 1], manifestBy(scene.dead, [0, 1]));
  await scene.clock.settle(6_000);
  assert.deepEqual([scene.ranges, scene.origin.bytesSent], ["changed?", content.length]);
  assert.notEqual(managed.current?.generation, head.generation);
});

test("a manager that starts again with a part of it gets the rest from who has it, and asks the origin whether it is the same", async () => {
  const scene = new Scene((number) => {
    if (number === 1) throw new DarnerError("network.refused", "cannot connect");
    return { content, etag: validator, ...(number === 0 ? { cutAt: 100_000 } : {}) };
  });
  const before = await scene.start();
  await scene.host("10.0.0.9", [], undefined);
  await scene.clock.settle(3_000);
  assert.deepEqual([before.fetching, before.current?.store.have.count], [false, 1]);
  await before.close("killed");
  const { bytesSent } = scene.origin;
  const managed = await scene.start();
  await scene.host("10.0.0.1", [0, 1, 2, 3, 4], manifestBy(scene.dead, [0, 1, 2, 3, 4]));
  await scene.clock.settle(6_000);
  assert.equal(managed.current?.store.end?.lengthBytes, content.length);
  assert.equal(managed.current.generation, head.generation);
  assert.deepEqual([scene.ranges, scene.origin.bytesSent - bytesSent], ["all 1- changed?", 0]);
  assert.equal((await scene.disk.list(`/data/tasks/${task}`)).length, 1, "what was there is gone on with");
});
