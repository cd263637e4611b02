/** What an operator's commands find in a data directory, and what they do about it. */

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { SimClock } from "#platform/machine/clock.sim.ts";
import { sha256 } from "#platform/keys/digest.ts";
import { SimDisk } from "#platform/files/disk.sim.ts";
import { TaskCache } from "./task-cache.ts";
import { collectGarbage, verifyStore, type Store, type VerifiedVersion } from "./upkeep.ts";

const boot = new Uint8Array(8).fill(7);
const pieceBytes = 64;

class World {
  readonly clock = new SimClock();
  readonly disk = new SimDisk({ wallMs: () => this.clock.wallMs() });

  open(): Promise<TaskCache> {
    const { disk, clock } = this;
    const limits = { quotaBytes: () => 1e9, highWatermark: () => 1, lowWatermark: () => 1, spaceAhead: true };
    return TaskCache.open({ disk, directory: "/data", boot, clock, ...limits });
  }

  /** So many of an object's four pieces. */
  async keep(task: string, generation: string, pieces = 4): Promise<void> {
    const cache = await this.open();
    const file = await cache.hold(task, generation);
    const lengthBytes = 4 * pieceBytes;
    if (pieces > 0) await file.begin({ kind: "object", url: "http://origin/a", generation, pieceBytes, lengthBytes });
    for (let index = 0; index < pieces; index++) {
      const bytes = new Uint8Array(pieceBytes).fill(index);
      await file.put(index, bytes, sha256(bytes));
    }
    if (pieces === 4) await file.finish(lengthBytes, []);
    await cache.release(task, generation);
    this.clock.advance(1000);
  }

  store(dryRun: boolean): Store {
    return { disk: this.disk, directory: "/data", boot, dryRun };
  }

  async verify(dryRun: boolean): Promise<VerifiedVersion[]> {
    const found: VerifiedVersion[] = [];
    for await (const version of verifyStore(this.store(dryRun))) found.push(version);
    return found.sort((a, b) => a.task.localeCompare(b.task));
  }
}

const facts = (versions: readonly VerifiedVersion[]): string =>
  versions.map(({ task, isWhole, pieces, spoiled }) => `${task} ${isWhole} ${pieces} ${spoiled}`).join(", ");

describe("verify", () => {
  test("finds the pieces that are not what was stored, under this boot too, and drops just these", async () => {
    const world = new World();
    await world.keep("good", "g");
    await world.keep("partial", "g", 2);
    await world.keep("rotten", "g");
    world.disk.bytesOf("/data/tasks/rotten/g/content")![70]! ^= 1;
    const changes = world.disk.changes.length;
    const expected = "good true 4 0, partial false 2 0, rotten false 3 1";
    assert.equal(facts(await world.verify(true)), expected);
    assert.equal(world.disk.changes.length, changes, "a dry run changes nothing");
    assert.equal(facts(await world.verify(false)), expected);
    assert.equal(facts(await world.verify(false)), "good true 4 0, partial false 2 0, rotten false 3 0");
    const file = await (await world.open()).hold("rotten", "g");
    assert.deepEqual([...file.have.indices()], [0, 2, 3], "the next start knows");
  });

  test("tells of a version whose content is gone", async () => {
    const world = new World();
    await world.keep("gone", "g");
    await world.disk.remove("/data/tasks/gone/g/content");
    assert.equal(facts(await world.verify(false)), "gone false 0 undefined");
  });
});

describe("gc", () => {
  const limits = { highBytes: Infinity, lowBytes: Infinity };
  const names = (removals: readonly { path: string; why: string }[]): string[] =>
    removals.map(({ path, why }) => `${path.slice("/data/tasks/".length)}: ${why}`).sort();

  test("removes what no start would use, and keeps the rest", async () => {
    const world = new World();
    await world.keep("a", "g1");
    await world.keep("a", "g2", 1);
    await world.keep("b", "begun", 0);
    await (await world.open()).pin("c", true);
    await world.disk.makeDirectory("/data/tasks/empty");
    await world.disk.makeDirectory("/data/tasks/b/odd");
    const expected = [
      "a/g1: a newer version is here",
      "b/begun: holds no piece",
      "b/odd: holds no piece",
      "empty: no version of a task",
    ];
    assert.deepEqual(names(await collectGarbage(world.store(true), limits)), expected);
    assert.deepEqual(await world.disk.list("/data/tasks"), ["a", "b", "c", "empty"]);
    assert.deepEqual(names(await collectGarbage(world.store(false), limits)), expected);
    assert.deepEqual(await world.disk.list("/data/tasks"), ["a", "c"]);
    assert.deepEqual(await world.disk.list("/data/tasks/a"), ["g2"]);
  });

  test("above the high mark removes what is worth least down to the low one, and nothing that is pinned", async () => {
    const world = new World();
    for (const task of ["a", "b", "c", "d"]) await world.keep(task, "g");
    await (await world.open()).pin("a", true);
    const each = 4 * pieceBytes;
    assert.deepEqual(await collectGarbage(world.store(false), { highBytes: 4 * each, lowBytes: each }), []);
    const removals = await collectGarbage(world.store(false), { highBytes: 3 * each, lowBytes: 2 * each });
    assert.deepEqual(names(removals), ["b/g: above the quota", "c/g: above the quota"]);
    assert.deepEqual(await world.disk.list("/data/tasks"), ["a", "d"]);
  });
});
