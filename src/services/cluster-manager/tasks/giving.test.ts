/** Small objects at the manager: whole in one message for who takes them so, a swarm for everybody else. */

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { ScriptedObject } from "../../../../test/scripted-origin.ts";
import { DarnerError } from "#base/mod.ts";
import { bytesOfWhole } from "#transfer/mod.ts";
import { ask, newManager, plain, TestHost } from "./managed-task-scene.test.ts";

const content = Uint8Array.from({ length: 40_000 }, (_, index) => index * 7);

async function newScene(over: Partial<ScriptedObject> | DarnerError = {}) {
  const scene = await newManager(() => {
    if (over instanceof DarnerError) throw over;
    return plain({ content, ...over });
  });
  const takers = (count: number): TestHost[] => {
    const hosts = Array.from({ length: count }, (_, number) => new TestHost(`small${number}`));
    for (const host of hosts) void scene.managed.join({ host, ask, holds: undefined, small: true });
    return hosts;
  };
  return { ...scene, takers };
}

const bytesHeard = ({ heard }: TestHost): Uint8Array | string | undefined => {
  const [message] = heard;
  return message?.kind === "whole" ? bytesOfWhole(message, undefined) : undefined;
};

describe("a small object", () => {
  test("comes in one message to all who wait for it, and to who comes later, from one request", async () => {
    const { clock, origin, takers } = await newScene({ headers: { "cache-control": "max-age=60" } });
    const early = takers(20);
    await clock.settle(500);
    const late = takers(3);
    await clock.settle(500);
    for (const host of [...early, ...late]) {
      assert.equal(host.kinds, "whole");
      assert.equal(host.heard.length, 1);
      assert.deepEqual(Buffer.from(bytesHeard(host) as Uint8Array), Buffer.from(content));
    }
    assert.equal(origin.asked.length, 1);
  });

  test("joins a swarm with who asks in the ordinary way, and in a crowd", async () => {
    const { clock, join, takers } = await newScene({ headers: { "cache-control": "max-age=60" } });
    const [ordinary] = join(1);
    const crowd = takers(300);
    await clock.settle(1000);
    assert.match(ordinary!.kinds, /^head.*ended/);
    const given = crowd.filter(({ kinds }) => kinds === "whole").length;
    assert.ok(given >= 200 && given < 220, `8 MiB of 40 kB each: ${given}`);
    for (const { kinds } of crowd.slice(given)) assert.match(kinds, /^head.*ended/);
  });

  test("whoever left does not hear of it", async () => {
    const held = Promise.withResolvers<void>();
    const { clock, managed, takers } = await newScene({ pace: () => held.promise });
    const [gone, there] = takers(2);
    await clock.settle(100);
    managed.leave(gone!);
    held.resolve();
    await clock.settle(500);
    assert.equal(gone!.heard.length, 0);
    assert.equal(there!.kinds, "whole");
  });

  test("a failure is told to all who wait for it", async () => {
    const { clock, takers } = await newScene(new DarnerError("origin.gone", "cannot fetch it: it is gone"));
    const hosts = takers(3);
    await clock.settle(60_000);
    for (const { kinds } of hosts) assert.equal(kinds, "failed");
  });
});

describe("the ordinary way is taken for", () => {
  const others: Readonly<Record<string, Partial<ScriptedObject>>> = {
    "a longer object": { content: new Uint8Array(65_537) },
    "an object that may not be kept": { headers: { "cache-control": "no-store" } },
  };
  for (const [what, over] of Object.entries(others)) {
    test(what, async () => {
      const { clock, takers } = await newScene(over);
      const [host] = takers(1);
      await clock.settle(1000);
      assert.match(host!.kinds, /^head/);
    });
  }
});
