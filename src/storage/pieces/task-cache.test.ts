/** The cache of a data directory: what is kept, what goes first, and what never goes. */

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { DarnerError } from "#base/mod.ts";
import { SimClock } from "#platform/machine/clock.sim.ts";
import { SimDisk } from "#platform/files/disk.sim.ts";
import { TaskCache } from "./task-cache.ts";

const boot = new Uint8Array(8).fill(7);

interface World {
  readonly disk: SimDisk;
  readonly cache: TaskCache;
  quotaBytes: number;
  /** Operations of the disk wait while this is set. */
  gate: Promise<void> | undefined;
  readonly clock: SimClock;
  reopen(): Promise<TaskCache>;
}

async function newWorld(capacityBytes = 1e6): Promise<World> {
  const clock = new SimClock();
  const world = { quotaBytes: 1000, gate: undefined as Promise<void> | undefined, clock };
  const disk = new SimDisk({ capacityBytes, wallMs: () => clock.wallMs(), before: () => world.gate });
  const reopen = (): Promise<TaskCache> =>
    TaskCache.open({
      disk,
      directory: "/data",
      boot,
      clock,
      quotaBytes: () => world.quotaBytes,
      highWatermark: () => 0.9,
      lowWatermark: () => 0.7,
      spaceAhead: true,
    });
  return Object.assign(world, { disk, reopen, cache: await reopen() });
}

/** An object of `bytes`, got and let go. */
async function keep(cache: TaskCache, task: string, generation: string, bytes: number): Promise<void> {
  const file = await cache.hold(task, generation);
  await cache.reserve(task, generation, bytes);
  await file.begin({ kind: "object", url: "http://origin/", generation, pieceBytes: 64, lengthBytes: bytes });
  await cache.release(task, generation);
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
    world.clock.advance(1);
    again.touch("a", "g1");
    assert.equal(again.latest("a"), "g1");
    const file = await again.hold("a", "g2");
    assert.equal(file.object?.lengthBytes, 120);
    await again.evict(10_000);
    assert.deepEqual(await world.disk.list("/data/tasks/a"), ["g2"], "it is held");
    assert.deepEqual(await world.disk.list("/data/tasks/b"), ["g1", "pinned"]);
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

  test("a part of an object counts as that part, and as what it has grown to when it is let go", async () => {
    const { cache } = await newWorld();
    const file = await cache.hold("a", "g");
    await cache.reserve("a", "g", 64);
    await file.begin({ kind: "object", url: "http://origin/", generation: "g", pieceBytes: 64, lengthBytes: 100_000 });
    for (const index of [3, 4, 9]) await file.put(index, new Uint8Array(64).fill(1), new Uint8Array(32));
    assert.equal(cache.usedBytes, 64);
    await cache.release("a", "g");
    assert.equal(cache.usedBytes, 3 * 64);
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

  test("a full disk refuses although the quota would allow it, and says how much is free", async () => {
    const world = await newWorld(500);
    world.quotaBytes = 10_000;
    await world.cache.hold("a", "g");
    await assert.rejects(world.cache.reserve("a", "g", 600), /the disk has 500 B free for the 600 B/);
    await world.cache.reserve("a", "g", 400);
  });

  test("room on the disk is promised once: a second download does not count on what the first will take", async () => {
    const world = await newWorld(2000);
    world.quotaBytes = 10_000;
    const first = await world.cache.hold("a", "g");
    await world.cache.reserve("a", "g", 1100);
    await world.cache.hold("b", "g");
    await assert.rejects(world.cache.reserve("b", "g", 1100), isFull);
    await world.cache.reserve("b", "g", 800);
    assert.equal(first.heldBytes, 0);
  });

  test("what is not used makes room on a full disk too", async () => {
    const world = await newWorld(2000);
    world.quotaBytes = 10_000;
    await keep(world.cache, "old", "g", 1200);
    await world.cache.hold("new", "g");
    await world.cache.reserve("new", "g", 1500);
    assert.deepEqual(await world.disk.list("/data/tasks"), ["new"]);
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
    const [one, other] = await Promise.all([cache.hold("a", "g"), cache.hold("a", "g")]);
    assert.equal(one, other, "two journals of one file would overwrite each other");
    await cache.release("a", "g");
    await cache.erase("a", "g");
    assert.deepEqual(await disk.list("/data/tasks"), ["a"]);
    await cache.release("a", "g");
    await cache.erase("a", "g");
    assert.deepEqual(await disk.list("/data/tasks"), []);
  });

  test("a version that cannot be opened is not counted", async () => {
    const world = await newWorld();
    await world.disk.makeDirectory("/data/tasks/a/g/content");
    await assert.rejects(world.cache.hold("a", "g"), /directory/);
    assert.equal(world.cache.count, 0);
    await world.cache.erase("a", "g");
    await world.cache.hold("a", "g");
    assert.equal(world.cache.count, 1);
  });

  test("a pin is of a task: it waits for one that is not here, and holds for its next version", async () => {
    const world = await newWorld();
    await world.cache.pin("a", true);
    await keep(world.cache, "a", "g1", 100);
    const again = await world.reopen();
    await keep(again, "a", "g2", 100);
    await again.evict(10_000);
    assert.deepEqual(await world.disk.list("/data/tasks/a"), ["g1", "g2", "pinned"]);
    await again.pin("a", false);
    await again.evict(10_000);
    assert.deepEqual(await world.disk.list("/data/tasks"), []);
  });

  test("what is no version of a task is passed over at the start", async () => {
    const world = await newWorld();
    await keep(world.cache, "a", "g", 100);
    await (await world.disk.open("/data/tasks/.DS_Store", "create")).close();
    await world.disk.makeDirectory("/data/tasks/lost+found");
    const again = await world.reopen();
    assert.deepEqual([again.count, again.usedBytes], [1, 100]);
  });
});

describe("what leaves first", () => {
  const hourMs = 3_600_000;

  /** All that is kept, in the order in which it would leave. */
  async function order({ cache }: { cache: TaskCache }): Promise<string> {
    return (await cache.evict(1e9)).map(({ task }) => task).join(" ");
  }

  test("of those that were used once, the one used longest ago", async () => {
    const world = await newWorld();
    for (const task of ["a", "b", "c"]) {
      await keep(world.cache, task, "g", 100);
      world.clock.advance(1000);
    }
    assert.equal(await order(world), "a b c");
  });

  test("what many asked for outlives what few asked for since, and not for ever; also over a restart", async () => {
    for (const [hours, expected] of [
      [12, "rare popular"],
      [72, "popular rare"],
    ] as const) {
      const world = await newWorld();
      await keep(world.cache, "popular", "g", 100);
      for (let use = 0; use < 100; use++) world.cache.touch("popular", "g");
      await world.cache.hold("popular", "g");
      await world.cache.release("popular", "g");
      world.clock.advance(hours * hourMs);
      await keep(world.cache, "rare", "g", 100);
      assert.equal(await order({ cache: await world.reopen() }), expected, `after ${hours} hours`);
    }
  });

  test("a large object before a small one, which saves as many questions to the origin for less room", async () => {
    const world = await newWorld(1e9);
    world.quotaBytes = 1e9;
    await keep(world.cache, "small", "g", 1000);
    world.clock.advance(24 * hourMs);
    await keep(world.cache, "large", "g", 100_000_000);
    assert.equal(await order(world), "large small");
  });

  test("a clock that is set back does not make the newest the oldest", async () => {
    const world = await newWorld();
    await keep(world.cache, "a", "g", 100);
    world.clock.setWallMs(world.clock.wallMs() - 365 * 24 * hourMs);
    await keep(world.cache, "b", "g", 100);
    await keep(world.cache, "c", "g", 100);
    assert.equal(await order(world), "a b c");
  });

  test("nor does one that was years ahead for a while keep its objects for ever", async () => {
    const world = await newWorld();
    const nowMs = world.clock.wallMs();
    world.clock.setWallMs(nowMs + 10 * 365 * 24 * hourMs);
    await keep(world.cache, "a", "g", 100);
    world.clock.setWallMs(nowMs);
    const again = await world.reopen();
    world.clock.advance(7 * 24 * hourMs);
    await keep(again, "b", "g", 100);
    assert.equal(await order({ cache: again }), "a b");
  });
});
