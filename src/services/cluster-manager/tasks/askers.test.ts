/** Who asks for a task and what becomes of him when, meanwhile, he leaves, or another's ask fails. */

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { DarnerError } from "#base/mod.ts";
import type { TaskAsk } from "#core/protocol/mod.ts";
import { sleep } from "#platform/machine/clock.ts";
import { TestHost, ask, content, newManager, plain } from "./managed-task-scene.test.ts";
import { sha256Hex } from "#platform/keys/digest.ts";

const digest = `sha256:${sha256Hex(content)}`;
const asked = (authorization: string): TaskAsk => ({ ...ask, digest, headers: { authorization } });

describe("who asks for a task", () => {
  test("and leaves while its origin is asked is let in nowhere, and keeps nothing in memory", async () => {
    const { clock, managed, join } = await newManager(async (number) => {
      if (number > 0) await sleep(clock, 1_000);
      return plain({ headers: { "cache-control": "no-cache" } });
    });
    const [first] = join(1);
    await clock.settle(500);
    managed.leave(first!);
    await clock.settle(2_000);
    const gone = new TestHost("gone");
    void managed.join({ host: gone, ask, holds: undefined });
    await clock.settle(100);
    managed.leave(gone);
    await clock.settle(3_000);
    assert.deepEqual(gone.heard, []);
    assert.equal(managed.current?.hosts, 0);
    assert.equal(managed.current?.swarm.size, 0);
    assert.ok(managed.idle);
  });

  test("and leaves and asks again is let in once", async () => {
    const { clock, managed } = await newManager(() => plain());
    const host = new TestHost("again");
    void managed.join({ host, ask, holds: undefined });
    managed.leave(host);
    void managed.join({ host, ask, holds: undefined });
    await clock.settle(500);
    assert.equal(host.heard.filter(({ kind }) => kind === "head").length, 1);
    assert.match(host.kinds, /ended/);
  });

  test("keeps it in memory while his right is looked at", async () => {
    const { clock, managed } = await newManager(() => plain(), { assertMayRead: () => sleep(clock, 5_000) });
    const owner = new TestHost("owner");
    void managed.join({ host: owner, ask: asked("Basic owner"), holds: undefined });
    await clock.settle(500);
    managed.leave(owner);
    assert.ok(managed.idle);
    const other = new TestHost("other");
    void managed.join({ host: other, ask: asked("Basic other"), holds: undefined });
    await clock.settle(1_000);
    assert.ok(!managed.idle && !managed.quiet);
    await clock.settle(5_000);
    assert.match(other.kinds, /ended/);
  });

  test("gets it, though what must not be kept was erased while his right was looked at", async () => {
    const { clock, managed } = await newManager(() => plain({ headers: { "cache-control": "no-store" } }), {
      assertMayRead: () => sleep(clock, 2_000),
    });
    const owner = new TestHost("owner");
    void managed.join({ host: owner, ask: asked("Basic owner"), holds: undefined });
    await clock.settle(500);
    const other = new TestHost("other");
    void managed.join({ host: other, ask: asked("Basic other"), holds: undefined });
    await clock.settle(500);
    managed.leave(owner);
    await clock.settle(10_000);
    assert.match(other.kinds, /ended/);
  });

  for (const [what, bad, good] of [
    ["another's credential", asked("Basic bad"), asked("Basic good")],
    ["another's server", { ...ask, digest, url: "http://dead.test/a" }, { ...ask, digest }],
  ] as const) {
    test(`with ${what} that fails gets it on his own word, at once`, async () => {
      const { clock, origin, managed } = await newManager(async (_, { url, headers = {} }) => {
        await sleep(clock, 100);
        if (url.includes("dead")) throw new DarnerError("network.refused", "cannot connect", { retry: "never" });
        if (headers["authorization"] === "Basic bad")
          throw new DarnerError("origin.unauthorized", "cannot get it: 401");
        return plain();
      });
      const [wrong, right, like] = ["wrong", "right", "like"].map((name) => new TestHost(name));
      void managed.join({ host: wrong!, ask: bad, holds: undefined });
      void managed.join({ host: right!, ask: good, holds: undefined });
      void managed.join({ host: like!, ask: bad, holds: undefined });
      await clock.settle(2_000);
      assert.equal(wrong!.kinds, "failed");
      assert.equal(like!.kinds, "failed");
      assert.match(right!.kinds, /^head .*ended/);
      assert.equal(origin.asked.length, 2);
    });
  }
});
