/** Small versions of a cache: together in one file once they are whole, files of their own once they are not small. */

import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, test } from "node:test";
import { SimClock } from "#platform/machine/clock.sim.ts";
import { sha256 } from "#platform/keys/digest.ts";
import { SimDisk } from "#platform/files/disk.sim.ts";
import { openSqlite } from "#platform/files/sqlite.node.ts";
import type { PieceFile } from "./piece-file.ts";
import { SmallStore, smallStorePath } from "./small-store.ts";
import { SmallVersions } from "./small-versions.ts";
import { TaskCache } from "./task-cache.ts";
import { collectGarbage, verifyStore, type Store } from "./upkeep.ts";

const boot = new Uint8Array(8).fill(7);
const bytesOf = (lengthBytes: number, seed = 1): Uint8Array =>
  Uint8Array.from({ length: lengthBytes }, (_, index) => (index * 31 + seed) & 0xff);

class World {
  readonly folder = mkdtempSync(join(tmpdir(), "darner-small-"));
  readonly clock = new SimClock();
  readonly disk = new SimDisk({ wallMs: () => this.clock.wallMs() });
  readonly failures: string[] = [];
  quotaBytes = 1e9;
  store!: SmallStore;
  versions!: SmallVersions;

  async open(bootTag = boot): Promise<TaskCache> {
    this.store = new SmallStore(openSqlite(smallStorePath(this.folder), "cache"));
    this.versions = new SmallVersions(this.clock, this.store, ({ message }) => this.failures.push(message));
    return await TaskCache.open({
      disk: this.disk,
      directory: "/data",
      boot: bootTag,
      clock: this.clock,
      quotaBytes: () => this.quotaBytes,
      highWatermark: () => 1,
      lowWatermark: () => 0.5,
      spaceAhead: true,
      small: this.versions,
    });
  }

  upkeep(dryRun: boolean): Store {
    return { disk: this.disk, directory: "/data", boot, dryRun, small: this.store };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.store.close();
    rmSync(this.folder, { recursive: true });
  }
}

async function fill(file: PieceFile, bytes: Uint8Array, generation = "g", pieceBytes = 65_536): Promise<void> {
  const lengthBytes = bytes.length;
  await file.begin({ kind: "object", url: "http://origin/a", generation, pieceBytes, lengthBytes });
  for (let index = 0; index * pieceBytes < lengthBytes; index++) {
    const piece = bytes.subarray(index * pieceBytes, (index + 1) * pieceBytes);
    await file.put(index, piece, sha256(piece));
  }
  await file.finish(lengthBytes, ["sha256:ab"]);
}

async function contentOf(file: PieceFile): Promise<Uint8Array> {
  const bytes = new Uint8Array(file.lengthBytes ?? 0);
  assert.equal(await file.content.read(bytes, 0), bytes.length);
  return bytes;
}

async function keep(cache: TaskCache, task: string, bytes: Uint8Array): Promise<void> {
  const file = await cache.hold(task, "g");
  await cache.reserve(task, "g", bytes.length);
  await fill(file, bytes);
  await cache.release(task, "g");
}

const tasksOnDisk = (disk: SimDisk): Promise<string[]> => disk.list("/data/tasks");

describe("a small version", () => {
  test("makes no file of its own, is found on the next start, and is what it was", async () => {
    await using world = new World();
    const cache = await world.open();
    const lengths = [0, 1, 10_000, 65_536];
    for (const length of lengths) await keep(cache, `t${length}`, bytesOf(length));
    assert.deepEqual(await tasksOnDisk(world.disk), []);
    world.versions.end();
    const again = await world.open();
    assert.equal(again.count, lengths.length);
    for (const length of lengths) {
      assert.equal(again.latest(`t${length}`), "g");
      const file = await again.hold(`t${length}`, "g");
      assert.deepEqual(Buffer.from(await contentOf(file)), Buffer.from(bytesOf(length)));
      assert.deepEqual(file.end?.digests, ["sha256:ab"]);
      await again.release(`t${length}`, "g");
    }
    assert.deepEqual(world.failures, []);
  });

  test("survives a killed process a moment after it is whole, though it is still in use", async () => {
    await using world = new World();
    const cache = await world.open();
    const file = await cache.hold("t", "g");
    await fill(file, bytesOf(5_000));
    world.clock.advance(300);
    assert.equal(world.store.list().length, 1);
    assert.deepEqual(Buffer.from(await contentOf(file)), Buffer.from(bytesOf(5_000)), "it is read from there now");
    world.store.close();
    const file2 = await (await world.open()).hold("t", "g");
    assert.deepEqual(Buffer.from(await contentOf(file2)), Buffer.from(bytesOf(5_000)));
  });

  test("may become another one while it is kept", async () => {
    await using world = new World();
    const cache = await world.open();
    await keep(cache, "t", bytesOf(5_000));
    const file = await cache.hold("t", "g");
    await fill(file, bytesOf(3_000, 9), "g2");
    await cache.release("t", "g");
    assert.deepEqual(Buffer.from(await contentOf(await cache.hold("t", "g"))), Buffer.from(bytesOf(3_000, 9)));
  });

  test("that never became whole is nowhere", async () => {
    await using world = new World();
    const cache = await world.open();
    const file = await cache.hold("t", "g");
    await file.begin({ kind: "object", url: "http://o/", generation: "g", pieceBytes: 65_536, lengthBytes: 10 });
    await cache.release("t", "g");
    assert.equal(cache.latest("t"), undefined);
    await cache.hold("never-begun", "g");
    await cache.release("never-begun", "g");
    assert.equal(cache.latest("never-begun"), undefined);
    assert.equal(world.store.list().length, 0);
    assert.deepEqual(await tasksOnDisk(world.disk), []);
  });

  test("counts in the quota and goes first when it is worth least", async () => {
    await using world = new World();
    const cache = await world.open();
    world.quotaBytes = 100_000;
    for (let task = 0; task < 12; task++) {
      await keep(cache, `t${task}`, bytesOf(10_000, task));
      world.clock.advance(3_600_000);
    }
    assert.ok(cache.usedBytes <= 100_000);
    assert.equal(world.store.list().length, cache.count);
    assert.equal(cache.latest("t0"), undefined);
    assert.equal(cache.latest("t11"), "g");
  });

  test("that a loss of power spoiled is fetched again", async () => {
    await using world = new World();
    await keep(await world.open(), "t", bytesOf(10_000));
    const row = world.store.read({ task: "t", generation: "g" })!;
    world.store.write([{ task: "t", generation: "g", heatMs: 1, ...row, content: bytesOf(10_000, 2) }]);
    world.store.close();
    const cache = await world.open(new Uint8Array(8).fill(8));
    const file = await cache.hold("t", "g");
    assert.deepEqual([file.end, file.have.count], [undefined, 0]);
  });
});

describe("a version that is not small", () => {
  test("has files of its own from the moment that it is known, with all that was in memory", async () => {
    await using world = new World();
    const cache = await world.open();
    await keep(cache, "long", bytesOf(200_000));
    const unknown = await cache.hold("unknown", "g");
    await unknown.begin({ kind: "object", url: "http://o/", generation: "g", pieceBytes: 65_536 });
    for (const index of [0, 1, 2]) {
      const piece = bytesOf(200_000).subarray(index * 65_536, (index + 1) * 65_536);
      await unknown.put(index, piece, sha256(piece));
    }
    await unknown.finish(196_608, []);
    await cache.release("unknown", "g");
    assert.deepEqual(await tasksOnDisk(world.disk), ["long", "unknown"]);
    world.versions.end();
    const again = await world.open();
    assert.deepEqual(world.store.list(), []);
    assert.deepEqual(Buffer.from(await contentOf(await again.hold("long", "g"))), Buffer.from(bytesOf(200_000)));
    const found = await again.hold("unknown", "g");
    assert.deepEqual(Buffer.from(await contentOf(found)), Buffer.from(bytesOf(200_000).subarray(0, 196_608)));
    assert.equal(found.have.count, 3);
  });

  test("takes the place of a small one", async () => {
    await using world = new World();
    const cache = await world.open();
    await keep(cache, "t", bytesOf(10));
    const file = await cache.hold("t", "g");
    await fill(file, bytesOf(100_000), "g2");
    await cache.release("t", "g");
    assert.deepEqual(world.store.list(), []);
    assert.deepEqual(Buffer.from(await contentOf(await cache.hold("t", "g"))), Buffer.from(bytesOf(100_000)));
  });
});

test("a store that cannot be written keeps nothing, and everything works", async () => {
  await using world = new World();
  const cache = await world.open();
  world.store.close();
  const file = await cache.hold("t", "g");
  await fill(file, bytesOf(5_000));
  world.clock.advance(10_000);
  assert.deepEqual(Buffer.from(await contentOf(file)), Buffer.from(bytesOf(5_000)));
  await cache.release("t", "g");
  assert.equal(cache.latest("t"), undefined);
  assert.ok(world.failures.length > 0);
});

test("an operator finds spoiled small versions, and makes room of them", async () => {
  await using world = new World();
  const cache = await world.open();
  for (const task of ["a", "b", "c"]) await keep(cache, task, bytesOf(10_000));
  const row = world.store.read({ task: "b", generation: "g" })!;
  world.store.write([{ task: "b", generation: "g", heatMs: 1, ...row, content: bytesOf(10_000, 2) }]);
  const spoiled = async (dryRun: boolean): Promise<string[]> => {
    const names: string[] = [];
    for await (const version of verifyStore(world.upkeep(dryRun))) if (version.spoiled !== 0) names.push(version.task);
    return names;
  };
  assert.deepEqual(await spoiled(true), ["b"]);
  assert.deepEqual(await spoiled(false), ["b"]);
  assert.deepEqual(await spoiled(false), []);
  const limits = { highBytes: 15_000, lowBytes: 15_000 };
  const planned = await collectGarbage(world.upkeep(true), limits);
  assert.equal(planned.length, 1);
  assert.equal(world.store.list().length, 2);
  assert.deepEqual(await collectGarbage(world.upkeep(false), limits), planned);
  assert.equal(world.store.list().length, 1);
});
