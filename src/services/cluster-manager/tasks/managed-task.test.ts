/** When a manager asks the origin: once, for however many hosts, and what it does with the answer. */

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { DarnerError } from "#base/mod.ts";
import { SealEpochs } from "#transfer/mod.ts";
import { TestHost, ask, content, newManager, plain } from "./managed-task-scene.test.ts";

describe("a task at the manager", () => {
  test("fifty hosts at once cost one request, and all hear of every piece and the end", async () => {
    const { clock, origin, join } = await newManager(() => plain());
    const hosts = join(50);
    await clock.settle(500);
    assert.equal(origin.asked.length, 1);
    assert.equal(origin.bytesSent, content.length);
    for (const host of hosts) {
      assert.match(host.kinds, /^head .*listed.* ended/, host.card.id);
      const listed = host.heard.flatMap((message) => (message.kind === "listed" ? message.indices : []));
      assert.deepEqual(new Set(listed), new Set([0, 1, 2, 3, 4]));
      assert.equal(listed.length, 5, "each piece is listed once");
    }
  });

  test("a crowd is welcomed a few at a time; who leaves before its turn hears nothing", async () => {
    const { clock, managed, join } = await newManager(() => plain());
    join(1);
    await clock.settle(500);
    const crowd = Array.from({ length: 300 }, (_, number) => new TestHost(`crowd${number}`));
    const welcomed = (): number => crowd.filter(({ heard }) => heard.length > 0).length;
    for (const host of crowd) void managed.join({ host, ask, holds: undefined });
    await clock.settle(0);
    assert.equal(welcomed(), 128);
    managed.leave(crowd[299]!);
    await clock.settle(5);
    assert.equal(welcomed(), 256);
    await clock.settle(500);
    assert.deepEqual(crowd[299]!.heard, []);
    for (const host of crowd.slice(0, 299)) assert.match(host.kinds, /^head listed ended parents/, host.card.id);
    assert.equal(managed.current?.swarm.size, 300);
  });

  test("who comes in the middle joins the running transfer", async () => {
    const { clock, origin, join } = await newManager(() =>
      plain({ pace: () => new Promise((resolve) => clock.after(1, resolve)) }),
    );
    const [early] = join(1);
    await clock.settle(150);
    const [late] = join(1);
    await clock.settle(1000);
    assert.equal(origin.asked.length, 1);
    assert.match(late!.kinds, /ended$/);
    assert.equal(late!.generation, early!.generation);
  });

  test("without a lifetime: revalidated for each new wave, at most once a second, and once for all of it", async () => {
    const { clock, origin, join } = await newManager(() => plain());
    join(3);
    await clock.settle(500);
    join(20);
    await clock.settle(100);
    assert.equal(origin.asked.length, 1, "fresh within the second");
    await clock.settle(2000);
    const wave = join(20);
    await clock.settle(100);
    assert.equal(origin.asked.length, 2);
    assert.deepEqual(origin.asked[1]!.unless, { etag: '"v1"' });
    assert.equal(origin.bytesSent, content.length);
    for (const host of wave) assert.match(host.kinds, /ended/);
  });

  test("an origin that takes no conditions: what its validator names is not fetched twice", async () => {
    // As a header alone the scripted origin does not look at it.
    const { clock, origin, managed, join } = await newManager(() => ({ content, headers: { etag: '"v1"' } }));
    const [first] = join(1);
    await clock.settle(3_000);
    const wave = join(5);
    await clock.settle(500);
    assert.equal(origin.asked.length, 2);
    assert.equal(origin.bytesSent, content.length);
    assert.equal(origin.bodiesClosed, 2);
    for (const host of wave) assert.match(host.kinds, /ended/);
    assert.equal(wave[0]!.generation, first!.generation);
    assert.equal(managed.versions().length, 1);
  });

  test("no-cache: a wave of a hundred is one question all the same", async () => {
    const { clock, origin, join } = await newManager(() => plain({ headers: { "cache-control": "no-cache" } }));
    join(1);
    await clock.settle(500);
    const wave = join(100);
    await clock.settle(500);
    assert.equal(origin.asked.length, 2);
    for (const host of wave) assert.match(host.kinds, /ended/);
  });

  test("an explicit lifetime is kept to its end", async () => {
    const { clock, origin, join } = await newManager(() => plain({ headers: { "cache-control": "max-age=60" } }));
    join(1);
    await clock.settle(59_000);
    join(5);
    await clock.settle(500);
    assert.equal(origin.asked.length, 1);
    await clock.settle(2_000);
    join(5);
    await clock.settle(500);
    assert.equal(origin.asked.length, 2);
  });

  test("a host that came back on a new connection is not sent away by the end of its old one", async () => {
    const { clock, managed, join } = await newManager(() => plain());
    const [before] = join(1);
    await clock.settle(500);
    const [back] = join(1);
    await clock.settle(500);
    managed.leave(before!);
    assert.equal(managed.current?.hosts, 1);
    managed.leave(back!);
    assert.equal(managed.current?.hosts, 0);
  });

  test("what came from an address of the manager's own machine is for hosts on it alone, running or kept", async () => {
    const { clock, managed, newTask } = await newManager(() => plain({ nearOnly: true }));
    const near = new TestHost("near", "near");
    const early = new TestHost("early");
    const late = new TestHost("late");
    void managed.join({ host: near, ask, holds: undefined });
    void managed.join({ host: early, ask, holds: undefined });
    await clock.settle(3_000);
    void managed.join({ host: late, ask, holds: undefined });
    await clock.settle(500);
    assert.match(near.kinds, /ended/);
    for (const host of [early, late]) {
      assert.equal(host.kinds, "failed");
      assert.match(host.error!, /only callers on the manager's own machine/);
    }
    await managed.close("restarted");
    const again = newTask();
    const later = new TestHost("later");
    void again.join({ host: later, ask, holds: undefined });
    await clock.settle(500);
    assert.equal(later.kinds, "failed");
  });

  test("a new version at the origin: the wave gets it, whoever has the old one keeps it", async () => {
    const changed = content.map((byte) => byte ^ 1);
    const { clock, origin, managed, join } = await newManager((number) =>
      number === 0 ? plain() : plain({ content: changed, etag: '"v2"' }),
    );
    const [old] = join(1);
    await clock.settle(3_000);
    const wave = Array.from({ length: 5 }, (_, number) => new TestHost(`new${number}`));
    for (const host of wave) void managed.join({ host, ask, holds: undefined });
    await clock.settle(500);
    assert.equal(origin.asked.length, 2);
    for (const host of wave) assert.match(host.kinds, /ended/);
    assert.equal(new Set(wave.map((host) => host.generation)).size, 1);
    assert.notEqual(wave[0]!.generation, old!.generation);
    assert.doesNotMatch(old!.kinds, /withdrawn/);
    assert.equal(managed.versions().length, 2);
    managed.leave(old!);
    await clock.settle(10);
    assert.equal(managed.versions().length, 1);
  });

  test("the former version is back at the origin while hosts still get it: it is the present one again, not fetched anew", async () => {
    const changed = content.map((byte) => byte ^ 1);
    const { clock, origin, managed } = await newManager((number) =>
      number === 1 ? plain({ content: changed, etag: '"v2"' }) : plain(),
    );
    const hosts = ["first", "second", "third"].map((name) => new TestHost(name));
    for (const host of hosts) {
      void managed.join({ host, ask, holds: undefined });
      await clock.settle(3_000);
      assert.match(host.kinds, /^head .*ended/, host.card.id);
    }
    const [first, second, third] = hosts.map(({ generation }) => generation);
    assert.deepEqual([third === first, second === first], [true, false]);
    assert.equal(managed.current?.generation, first);
    assert.equal(origin.bytesSent, 2 * content.length);
    assert.doesNotMatch(hosts[0]!.kinds, /withdrawn/);
    for (const host of hosts) managed.leave(host);
    await clock.settle(100);
    assert.equal(managed.versions().length, 1);
  });

  test("a former version that hosts still get is the present one when its successor was not to be kept", async () => {
    const changed = content.map((byte) => byte ^ 1);
    const { clock, managed } = await newManager((number) =>
      number === 1 ? plain({ content: changed, etag: '"v2"', headers: { "cache-control": "no-store" } }) : plain(),
    );
    const [first, second, third] = ["first", "second", "third"].map((name) => new TestHost(name));
    for (const host of [first!, second!]) {
      void managed.join({ host, ask, holds: undefined });
      await clock.settle(3_000);
    }
    managed.leave(second!);
    await clock.settle(100);
    void managed.join({ host: third!, ask, holds: undefined });
    await clock.settle(3_000);
    assert.match(third!.kinds, /^head .*ended/);
    assert.equal(third!.generation, first!.generation);
    assert.equal(managed.versions().length, 1);
  });

  test("a failure is told to all who wait, and again for a second, without a new request", async () => {
    const gone = new DarnerError("origin.not-found", "cannot get it: 404");
    const { clock, origin, join } = await newManager((number) => {
      if (number === 0) throw gone;
      return plain();
    });
    const hosts = join(10);
    await clock.settle(500);
    const late = join(10);
    await clock.settle(100);
    for (const host of [...hosts, ...late]) assert.equal(host.error, gone.message);
    assert.equal(origin.asked.length, 1);
    await clock.settle(1000);
    const [again] = join(1);
    await clock.settle(500);
    assert.equal(again!.error, undefined);
    assert.match(again!.kinds, /ended/);
  });

  test("a revalidation that fails is told to its wave, and not tried again for a second", async () => {
    const down = new DarnerError("network.refused", "cannot connect", { retry: "now" });
    const { clock, origin, join } = await newManager((number) => {
      if (number > 0) throw down;
      return plain({ headers: { "cache-control": "no-cache" } });
    });
    join(1);
    await clock.settle(2_000);
    const wave = join(10);
    await clock.settle(100);
    const later = join(10);
    await clock.settle(100);
    for (const host of [...wave, ...later]) assert.equal(host.error, down.message);
    assert.equal(origin.asked.length, 2);
  });

  test("stale-if-error: what is held is used while the origin fails", async () => {
    const { clock, join } = await newManager((number) => {
      if (number > 0) throw new DarnerError("network.refused", "cannot connect", { retry: "now" });
      return plain({ headers: { "cache-control": "max-age=1, stale-if-error=600" } });
    });
    join(1);
    await clock.settle(5_000);
    const [host] = join(1);
    await clock.settle(100);
    assert.match(host!.kinds, /ended/);
    assert.equal(host!.error, undefined);
  });

  test("no-store: carried for the running transfer, then erased, and fetched anew for who comes after", async () => {
    const { clock, disk, origin, managed, join } = await newManager(() =>
      plain({ headers: { "cache-control": "no-store" } }),
    );
    const hosts = join(3);
    await clock.settle(500);
    for (const host of hosts) assert.match(host.kinds, /ended/);
    assert.equal(origin.asked.length, 1);
    for (const host of hosts) managed.leave(host);
    // Even who comes while it is being erased does not get it.
    const [late] = join(1);
    await clock.settle(500);
    assert.equal(origin.asked.length, 2);
    assert.match(late!.kinds, /ended/);
    assert.notEqual(late!.generation, undefined);
    managed.leave(late!);
    await clock.settle(100);
    assert.equal(managed.versions().length, 0);
    assert.deepEqual(await disk.list("/data/tasks"), []);
  });

  test("a break in the middle costs only what was lost; the next manager run starts from the disk", async () => {
    const { clock, origin, managed, newTask, join } = await newManager((number) =>
      plain(number === 0 ? { cutAt: 150_000 } : {}),
    );
    const [host] = join(1);
    await clock.settle(5_000);
    assert.match(host!.kinds, /ended/);
    assert.equal(origin.asked[1]!.range?.start, 131_072);
    assert.ok(origin.bytesSent <= content.length + 65_536);
    managed.leave(host!);
    await managed.close("restart");
    const [again] = join(1, newTask());
    await clock.settle(500);
    assert.match(again!.kinds, /ended/);
    assert.equal(again!.generation, host!.generation);
    assert.ok(origin.bytesSent <= content.length + 65_536, "only asked whether it changed");
  });

  test("a sealed object is there still when its task was put away and comes back: only a change is asked about", async () => {
    const epochs = new SealEpochs({ own: new Uint8Array(32) });
    const { clock, origin, managed, newTask, join } = await newManager(() => plain(), { epochs });
    const [host] = join(1);
    await clock.settle(500);
    assert.match(host!.kinds, /ended/);
    managed.leave(host!);
    await managed.close("nobody gets it");
    const [again] = join(1, newTask());
    await clock.settle(500);
    assert.match(again!.kinds, /ended/);
    assert.deepEqual(again!.heard[0], host!.heard[0], "the same head with the same key");
    assert.equal(origin.bytesSent, content.length);
  });

  test("what a host says it holds is believed as far as such pieces exist", async () => {
    const { clock, managed, join } = await newManager(() => plain());
    join(1);
    await clock.settle(500);
    const rates = { upBytesPerSecond: 0, downBytesPerSecond: 0 };
    const news = [-1, 0.5, 3, 4_294_967_295, 5];
    managed.current!.report("h0", { news, starving: true, seeding: false, ...rates });
    const [member] = managed.current!.swarm.members;
    assert.deepEqual([...member!.held.indices()], [3]);
    assert.equal(member!.held.length, 5);
  });

  test("a digest that the asker knows: whole and proved needs no question; a wrong one is an error", async () => {
    const { clock, origin, managed, join } = await newManager(() => plain());
    const wrong = new TestHost("wrong");
    void managed.join({ host: wrong, ask: { ...ask, digest: `sha256:${"0".repeat(64)}` }, holds: undefined });
    await clock.settle(500);
    assert.match(wrong.error ?? "", /digest/);
    await clock.settle(2_000);
    const [right] = join(1);
    await clock.settle(500);
    assert.match(right!.kinds, /ended/);
    assert.equal(origin.asked.length, 2);
  });
});
