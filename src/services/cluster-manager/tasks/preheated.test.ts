/** Orders at one manager: what the config service hears of them, however often it is away. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { DarnerError } from "#base/mod.ts";
import type { ManagerProgress } from "#core/image/mod.ts";
import { silentLog } from "#platform/telemetry/log.ts";
import type { ScriptedObject } from "../../../../test/scripted-origin.ts";
import { newManager, plain } from "./managed-task-scene.test.ts";
import type { HostSession } from "../host-session.ts";
import { Preheater, type GivenOrder } from "../preheat/mod.ts";

const order: GivenOrder = {
  id: "1",
  order: { what: { kind: "files", urls: ["http://origin/a"] } },
  caller: "far",
};

const toHosts: GivenOrder = { ...order, order: { ...order.order, hosts: {} } };

/** A host's connection: what it was asked to fetch. */
class Session {
  readonly card;
  readonly asked: string[] = [];

  constructor(id: string) {
    this.card = { id, name: id, site: "", address: "", port: 0 };
  }

  send({ kind }: { readonly kind: string }): void {
    this.asked.push(kind);
  }
}

async function newScene(served: ScriptedObject, given = order) {
  const { clock, origin, managed } = await newManager(() => served);
  const desk = { away: false, open: [given], heard: [] as ManagerProgress[] };
  const sessions: Session[] = [];
  const preheater = new Preheater({
    clock,
    log: silentLog,
    id: "m",
    origin,
    taskFor: () => managed,
    hosts: () => sessions as unknown as readonly HostSession[],
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
  return { clock, origin, desk, preheater, sessions };
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

test("a host whose connection breaks is asked anew on its next one; who stays away is given up", async () => {
  const { clock, desk, preheater, sessions } = await newScene(plain(), toHosts);
  const [stays, comes, goes] = ["stays", "comes", "goes"].map((id) => new Session(id));
  sessions.push(stays!, comes!, goes!);
  await clock.settle(2_000);
  sessions.splice(1);
  await clock.settle(2_000);
  const back = new Session("comes");
  sessions.push(back);
  await clock.settle(100);
  assert.deepEqual([stays!.asked, back.asked], [["fetch"], ["fetch"]]);
  for (const host of ["stays", "comes"]) preheater.fetched(host, { kind: "fetched", order: "1", task: "t" });
  await clock.settle(5_000);
  assert.equal(desk.heard.at(-1)?.state, "running");
  await clock.settle(10_000);
  const { state, hosts } = desk.heard.at(-1)!;
  assert.equal(state, "done");
  assert.deepEqual(
    hosts.map(({ host, objects, failed }) => [host, objects, failed]),
    [
      ["comes", 1, undefined],
      ["goes", 0, "the host went away"],
      ["stays", 1, undefined],
    ],
  );
  preheater.stop();
});

test("of ten thousand hosts a report names few, those that failed first, and counts all", async () => {
  const { clock, desk, preheater, sessions } = await newScene(plain(), toHosts);
  for (let number = 0; number < 10_000; number++)
    sessions.push(new Session(`ip-10-0-0-0.eu-west-1.compute.internal-${number}`));
  await clock.settle(2_000);
  for (const [number, { card }] of sessions.entries()) {
    const error = { code: "disk.full", message: "no room", retry: "never" } as const;
    const failed = number === 7000 ? { error } : {};
    if (number % 10 === 0) preheater.fetched(card.id, { kind: "fetched", order: "1", task: "t", ...failed });
  }
  await clock.settle(1_000);
  const report = desk.heard.at(-1)!;
  assert.ok(JSON.stringify(report).length < 100_000);
  assert.equal(report.hosts[0]?.failed, "no room");
  assert.deepEqual(report.hostsMore, { count: 9_800, ready: 999 });
  preheater.stop();
});
