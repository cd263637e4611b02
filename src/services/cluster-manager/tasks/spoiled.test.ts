/** What a manager does when a piece that it keeps turns out not to be what it stored. */

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { bytesEqual } from "#base/mod.ts";
import { sleep } from "#platform/machine/clock.ts";
import { sha256 } from "#platform/keys/digest.ts";
import { content, newManager, plain, task } from "./managed-task-scene.test.ts";

describe("a spoiled piece at the manager", () => {
  test("a piece that turns out to be spoiled is got again alone, and nobody hears of it", async () => {
    const { clock, disk, origin, managed, join } = await newManager(() =>
      plain({ headers: { "cache-control": "max-age=60" } }),
    );
    const [host] = join(1);
    await clock.settle(500);
    const before = host!.kinds;
    const stored = (await disk.list(`/data/tasks/${task}`)).map((folder) => `/data/tasks/${task}/${folder}/content`);
    disk.bytesOf(stored[0]!)![70_000]! ^= 1;
    managed.versionOf(host!.generation!)?.accuse("h0", "m", 0);
    await clock.settle(100);
    assert.equal(origin.asked.length, 1, "what is intact is not asked for again");
    managed.versionOf(host!.generation!)?.accuse("h0", "m", 1);
    await clock.settle(100);
    assert.deepEqual(origin.asked[1]?.range, { start: 65_536, end: 131_072 });
    assert.ok(managed.current?.store.end !== undefined);
    assert.equal(host!.kinds, before);
    const [late] = join(1);
    await clock.settle(100);
    const listed = late!.heard.flatMap((message) => (message.kind === "listed" ? message.indices : []));
    assert.deepEqual(new Set(listed), new Set([0, 1, 2, 3, 4]));
    assert.equal(listed.length, 5, "no line comes twice");
    assert.match(late!.kinds, /ended/);
  });

  test("a spoiled piece that is another one at the origin now: a new version, the old one is withdrawn", async () => {
    const changed = content.map((byte) => byte ^ 1);
    const { clock, managed, join } = await newManager((number) => plain(number === 0 ? {} : { content: changed }));
    const [host] = join(1);
    await clock.settle(500);
    const { store } = managed.current!;
    store.drop(1);
    managed.refetch();
    await clock.settle(2000);
    assert.match(host!.kinds, /ended .*withdrawn head/);
    assert.ok(bytesEqual(store.digestOf(0)!, sha256(changed.subarray(0, 65_536))));
  });

  for (const chunked of [false, true]) {
    test(`a piece that is spoiled while the rest is fetched ${chunked ? "with a length unknown " : ""}is got again before the end`, async () => {
      const { clock, disk, managed, join } = await newManager(() => plain({ chunked, pace: () => sleep(clock, 10) }));
      const [host] = join(1);
      await clock.settle(1_500);
      assert.ok(managed.fetching && managed.current!.store.have.has(1));
      const [folder] = await disk.list(`/data/tasks/${task}`);
      disk.bytesOf(`/data/tasks/${task}/${folder}/content`)![70_000]! ^= 1;
      managed.versionOf(host!.generation!)?.accuse("h0", "m", 1);
      await clock.settle(60_000);
      assert.match(host!.kinds, /ended$/);
      assert.equal(host!.error, undefined);
      assert.ok(managed.current?.store.have.full);
    });
  }
});
