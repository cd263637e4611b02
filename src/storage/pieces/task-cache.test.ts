/** The cache of a data directory: what is kept, what goes first, and what never goes. */

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { DarnerError } from "#base/mod.ts";
import { SimDisk } from "#platform/disk.sim.ts";
import { TaskCache } from "./task-cache.ts";

const boot = new Uint8Array(8).fill(7);

interface World {
  readonly disk: SimDisk;
  readonly cache: TaskCache;
  quotaBytes: number;
  /** Operations of the disk wait while this is set. */
  gate: Promise<void> | undefined;
  nowMs: number;
  reopen(): Promise<TaskCache>;
}

async function newWorld(): Promise<World> {
  const world = { quotaBytes: 1000, gate: undefined as Promise<void> | undefined, nowMs: 1_000_000 };
  const disk = new SimDisk({ wallMs: () => world.nowMs, before: () => world.gate });
  const reopen = (): Promise<TaskCache> =>
    TaskCache.open({
      disk,
      directory: "/data",
      boot,
      quotaBytes: () => world.quotaBytes,
      highWatermark: () => 0.9,
      lowWatermark: () => 0.7,
      wallMs: () => world.nowMs++,
    });
  return Object.assign(world, { disk, reopen, cache: await reopen() });
}

/** An object of `bytes`, got and let go. */
async function keep(cache: TaskCache, task: string, generation: string, bytes: number): Promise<void> {
  const file = await cache.hold(task, generation);
  await cache.reserve(task, generation, bytes);
  await file.begin({ kind: "object", url: "http://origin/", generation, pieceBytes: 64, lengthBytes: bytes });
  await file.close();
  cache.release(task, generation);
}

const isFull = (error: unknown): boolean => error instanceof DarnerError && error.code === "disk.full";

describe("the task cache", () => {
  test("what was kept is found on the next start, the version used last first", async () => {
    const world = await newWorld();
    await keep(world.cache, "a", "g1", 100);
    await keep(world.cache, "a", "g2", 120);
    await keep(world.cache, "b", "g1", 50);
    await world.cache.pin("b", true);
    assert.equal(world.cache.latest("a"), "g2");
    const again = await world.reopen();
    assert.deepEqual([again.count, again.usedBytes], [3, 270]);
    assert.equal(again.latest("a"), "g2");
    assert.equal(again.latest("c"), undefined);
    again.touch("a", "g1");
    assert.equal(again.latest("a"), "g1");
    const file = await again.hold("a", "g2");
    assert.equal(file.object?.lengthBytes, 120);
    await again.evict(10_000);
    assert.deepEqual(
      [...(await world.disk.list("/data/tasks/a")), ...(await world.disk.list("/data/tasks/b"))],
      ["g2", "g1"],
    );
  });

  test("above the high watermark the least recently used go, down to the low one; held and pinned stay", async () => {
    const { cache, disk } = await newWorld();
    for (const task of ["pinned", "held", "old", "older-but-touched", "new"]) await keep(cache, task, "g", 170);
    await cache.pin("pinned", true);
    await cache.hold("held", "g");
    cache.touch("older-but-touched", "g");
    await cache.hold("asked", "g");
    await cache.reserve("asked", "g", 60);
    // 910 of at most 900: one goes, and a second one, since 740 is still above 700.
    assert.deepEqual(await disk.list("/data/tasks"), ["asked", "held", "older-but-touched", "pinned"]);
    assert.equal(cache.usedBytes, 570);
  });

  test("what cannot fit is refused and drives nobody out", async () => {
    const { cache } = await newWorld();
    await keep(cache, "a", "g", 300);
    await cache.hold("huge", "g");
    await assert.rejects(cache.reserve("huge", "g", 901), isFull);
    assert.deepEqual([cache.count, cache.usedBytes], [2, 300]);
    await cache.reserve("huge", "g", 900);
    assert.equal(cache.usedBytes, 900);
  });

  test("two who reserve at once do not get the same room", async () => {
    const { cache } = await newWorld();
    await Promise.all([cache.hold("a", "g"), cache.hold("b", "g")]);
    const outcomes = await Promise.allSettled([cache.reserve("a", "g", 600), cache.reserve("b", "g", 600)]);
    assert.deepEqual(outcomes.map((outcome) => outcome.status).sort(), ["fulfilled", "rejected"]);
    assert.equal(cache.usedBytes, 600);
  });

  test("a full disk refuses although the quota would allow it", async () => {
    const disk = new SimDisk({ capacityBytes: 500 });
    const options = { disk, directory: "/data", boot, highWatermark: () => 1, lowWatermark: () => 1, wallMs: () => 0 };
    const cache = await TaskCache.open({ ...options, quotaBytes: () => 10_000 });
    await cache.hold("a", "g");
    await assert.rejects(cache.reserve("a", "g", 600), isFull);
    await cache.reserve("a", "g", 400);
  });

  test("what is opened anew while it is being erased is there and stays", async () => {
    const world = await newWorld();
    await keep(world.cache, "a", "g1", 100);
    await keep(world.cache, "a", "g2", 100);
    let open = (): void => undefined;
    world.gate = new Promise((resolve) => (open = resolve));
    const erased = Promise.all([world.cache.erase("a", "g1"), world.cache.erase("a", "g2")]);
    const held = Promise.all([world.cache.hold("a", "g1"), world.cache.hold("a", "g3")]);
    for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve));
    open();
    await erased;
    const [file] = await held;
    assert.equal(file.object, undefined);
    assert.deepEqual(await world.disk.list("/data/tasks/a"), ["g1", "g3"]);
    assert.deepEqual(await world.disk.list("/data/tasks/a/g1"), ["content", "journal"]);
  });

  test("two holders of one version: it stays until both are done", async () => {
    const { cache, disk } = await newWorld();
    await Promise.all([cache.hold("a", "g"), cache.hold("a", "g")]);
    cache.release("a", "g");
    await cache.erase("a", "g");
    assert.deepEqual(await disk.list("/data/tasks"), ["a"]);
    cache.release("a", "g");
    await cache.erase("a", "g");
    assert.deepEqual(await disk.list("/data/tasks"), []);
  });

  test("a version that cannot be opened is not counted", async () => {
    let broken = true;
    const disk = new SimDisk({
      before(verb, path) {
        if (broken && verb === "open" && path.endsWith("/content"))
          throw new DarnerError("disk.failed", "cannot open it");
      },
    });
    const options = { disk, directory: "/data", boot, highWatermark: () => 1, lowWatermark: () => 1, wallMs: () => 0 };
    const cache = await TaskCache.open({ ...options, quotaBytes: () => 100 });
    await assert.rejects(cache.hold("a", "g"), /cannot open it/);
    assert.equal(cache.count, 0);
    broken = false;
    await cache.hold("a", "g");
    assert.equal(cache.count, 1);
  });
});
