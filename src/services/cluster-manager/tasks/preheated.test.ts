/** Orders at one manager: what the config service hears of them, however often it is away. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { DarnerError } from "#base/mod.ts";
import type { ManagerProgress } from "#core/image/mod.ts";
import { silentLog } from "#platform/telemetry/log.ts";
import type { ScriptedObject } from "../../../../test/scripted-origin.ts";
import { newManager, plain } from "./managed-task-scene.test.ts";
import { Preheater, type GivenOrder } from "../preheat/mod.ts";

const order: GivenOrder = {
  id: "1",
  order: { what: { kind: "files", urls: ["http://origin/a"] } },
  caller: "far",
};

async function newScene(served: ScriptedObject) {
  const { clock, origin, managed } = await newManager(() => served);
  const desk = { away: false, open: [order], heard: [] as ManagerProgress[] };
  const preheater = new Preheater({
    clock,
    log: silentLog,
    id: "m",
    origin,
    taskFor: () => managed,
    hosts: () => [],
  });
  const assertThere = (): void => {
    if (desk.away) throw new DarnerError("network.refused", "cannot connect", { retry: "now" });
  };
  void preheater.serve({
    async open() {
      assertThere();
      return { orders: desk.open, managers: [] };
    },
    async report(_, progress) {
      assertThere();
      desk.heard.push(progress);
    },
  });
  return { clock, origin, desk, preheater };
}

test("the last word is heard though the config service was away when it was said", async () => {
  const { clock, desk, origin, preheater } = await newScene(plain());
  await clock.settle(5);
  desk.away = true;
  await clock.settle(5_000);
  desk.away = false;
  await clock.settle(5_000);
  assert.equal(desk.heard.at(-1)?.state, "done");
  assert.equal(origin.asked.length, 1, "it is worked off once");
  preheater.stop();
});

test("it is said now and then while the order stays open, and no more when it is over", async () => {
  const { clock, desk, origin, preheater } = await newScene(plain());
  await clock.settle(5_000);
  // What was in the config service's memory alone went with it.
  desk.heard.length = 0;
  await clock.settle(30_000);
  assert.deepEqual(new Set(desk.heard.map(({ state }) => state)), new Set(["done"]));
  assert.ok(desk.heard.length >= 2 && desk.heard.length <= 4, String(desk.heard.length));
  desk.open = [];
  await clock.settle(2_000);
  desk.heard.length = 0;
  await clock.settle(30_000);
  assert.equal(desk.heard.length, 0);
  assert.equal(origin.asked.length, 1);
  preheater.stop();
});

test("an object that its origin forbids to keep fails, with the reason", async () => {
  const { clock, desk, preheater } = await newScene(plain({ headers: { "cache-control": "no-store" } }));
  await clock.settle(5_000);
  assert.equal(desk.heard.at(-1)?.state, "failed");
  assert.match(desk.heard.at(-1)?.message ?? "", /forbids to keep/);
  preheater.stop();
});
