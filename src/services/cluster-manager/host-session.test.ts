/** A host's words at the manager: no message but an ask makes a task, and too many tasks are a refusal, not a crash. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { DarnerError } from "#base/mod.ts";
import {
  decodeJson,
  encodeFrame,
  encodeJsonFrame,
  FrameReader,
  frameType,
  type HostCard,
  type TaskAsk,
} from "#core/protocol/mod.ts";
import { Pace } from "#core/swarm/mod.ts";
import type { Member } from "#core/model/mod.ts";
import type { ManagerEntry } from "#core/placement/mod.ts";
import { SimClock } from "#platform/machine/clock.sim.ts";
import { silentLog } from "#platform/telemetry/log.ts";
import { newSigningKey, type SigningKey } from "#platform/keys/signing.ts";
import { Looks, ReadGate, taskIdOf } from "#transfer/mod.ts";
import { MemoryConnection } from "../../../test/memory-network.ts";
import { Crowds } from "./colleagues/mod.ts";
import { HostSession } from "./host-session.ts";

const ask: TaskAsk = { url: "http://origin/a", headers: {}, filterQuery: [], tag: "" };
const card: HostCard = { id: "h", name: "h", site: "", address: "10.0.0.1", port: 1 };

interface Hello {
  readonly trust?: boolean;
  readonly member?: Member;
  readonly host?: HostCard;
  /** The manager's id in the list. */
  readonly own?: string;
  /** It says none. */
  readonly isMissing?: boolean;
}

function newSession({ trust = false, member, host = card, own = "m", isMissing = false }: Hello = {}) {
  const clock = new SimClock();
  const asked: string[] = [];
  const managers = [
    { id: "m2", health: "up" },
    { id: "m3", health: "up" },
  ] as ManagerEntry[];
  const crowds = new Crowds({ clock, own, hostsMax: () => 1, managers: { current: () => managers } });
  const pace = new Pace();
  const looks = new Looks(clock, async (look) => ({ status: 200, headers: { etag: look.url } }));
  const gate = new ReadGate(clock, looks, async () => undefined);
  const session = new HostSession({
    clock,
    log: silentLog,
    manager: "m",
    trust,
    key: newSigningKey(),
    pace,
    hostsKnown: () => 1,
    siteOf: ({ site }) => site,
    gate,
    taskFor: (task) => {
      asked.push(task);
      throw new DarnerError("cluster.refused", "cannot take another task: too many run");
    },
    holdsTask: () => false,
    knownTask: () => undefined,
    crowds,
    onHello: () => {},
    member,
    address: "10.0.0.1",
  });
  const heard: { kind: string; error?: { code: string }; reportEveryMs?: number; helps?: boolean }[] = [];
  const reader = new FrameReader();
  const near = new MemoryConnection(clock, "manager", () => 1);
  const far = new MemoryConnection(clock, "host", () => 1);
  near.peer = far;
  far.peer = near;
  far.receive = (bytes) => {
    const frames = reader.push(bytes);
    assert.notEqual(frames, "oversized");
    for (const frame of frames as Exclude<typeof frames, "oversized">)
      if (frame.payloadBytes > 0) heard.push(decodeJson(frame.payload) as (typeof heard)[number]);
  };
  session.link.attach(near);
  const say = (message: unknown): void => session.link.received(encodeJsonFrame(frameType.message, 0, message));
  if (!isMissing) say({ kind: "hello", version: "1.0", host });
  return { clock, asked, crowds, pace, session, heard, say };
}

test("reports, accusations and leaves of unknown tasks make nothing", () => {
  const { asked, session, say } = newSession();
  const of = { task: "unknown", generation: "g" };
  const rates = { downBytesPerSecond: 0, upBytesPerSecond: 0 };
  say({ kind: "report", ...of, news: [], held: 0, ...rates, starving: true, state: "downloading" });
  say({ kind: "accuse", ...of, parent: "p", piece: 0 });
  say({ kind: "leave", ...of });
  session.ended();
  assert.deepEqual(asked, []);
});

test("a connection that lives and says no hello is ended; one that greeted stays", async () => {
  for (const isMissing of [true, false]) {
    const { clock, session } = newSession({ isMissing });
    for (let second = 0; second < 20; second++) {
      session.link.received(encodeFrame(frameType.message, 0, 0, new Uint8Array(0)));
      await clock.settle(1_000);
    }
    assert.equal(session.link.open, !isMissing);
    session.ended();
    session.link.close();
    await clock.settle(10);
    assert.equal(clock.pending, 0);
  }
});

test("an ask too many is told so; the manager goes on", async () => {
  const { clock, asked, heard, say } = newSession();
  say({ kind: "ask", task: taskIdOf(ask), ask });
  await clock.settle(100);
  assert.equal(asked.length, 1);
  assert.equal(heard.at(-1)?.kind, "failed");
  assert.equal(heard.at(-1)?.error?.code, "cluster.refused");
});

test("a host that may ask the manager near it is sent there when enough have the task here, and is not counted", async () => {
  const { clock, asked, crowds, heard, session, say } = newSession();
  const task = taskIdOf(ask);
  crowds.joined(task);
  say({ kind: "ask", task, ask, home: "m2" });
  await clock.settle(10);
  assert.deepEqual(heard.at(-1), { kind: "delegated", task });
  assert.deepEqual([asked.length, crowds.size(task)], [0, 1]);
  say({ kind: "ask", task, ask });
  assert.equal(asked.length, 1, "who has nowhere to go is served");
  session.ended();
  assert.equal(crowds.size(task), 1, "and counts no longer when it is gone");
});

test("hosts at home here go on to the owner until it has its share of them; the count is forgotten in time", async () => {
  const { clock, asked, crowds, heard, say } = newSession({ own: "m2" });
  const task = taskIdOf(ask);
  const helps = async (): Promise<unknown> => {
    say({ kind: "enquire", task });
    await clock.settle(10);
    const last = heard.at(-1);
    assert.equal(last?.kind, "helps");
    return last.helps;
  };
  assert.deepEqual([await helps(), await helps(), await helps()], [false, true, true], "one of two managers, one host");
  assert.deepEqual([asked.length, crowds.helped], [0, 2]);
  await clock.settle(60_000);
  assert.equal(crowds.helps(task), false);
  crowds.joined(task);
  await clock.settle(60_000);
  assert.equal(crowds.helps(task), true, "who has it here counts as long as it has");
});

test("a host that came while few were here is told once to report less often when many come", async () => {
  const { clock, pace, heard, say } = newSession();
  const report = { kind: "report", task: "t", generation: "g", news: [], held: 0, starving: false };
  const saySo = (): void => say({ ...report, downBytesPerSecond: 0, upBytesPerSecond: 0, state: "downloading" });
  saySo();
  await clock.settle(10);
  assert.deepEqual(
    heard.map(({ kind }) => kind),
    ["welcome"],
  );
  assert.equal(heard[0]!.reportEveryMs, 500);
  for (let host = 0; host < 10_000; host++) pace.heard({ host }, clock.nowMs());
  saySo();
  saySo();
  await clock.settle(10);
  assert.deepEqual(heard.slice(1), [{ kind: "pace", reportEveryMs: 2_000, hosts: 1 }]);
});

test("the key that a host signs with is that of its certificate, or it is no host", async () => {
  const [mine, other] = [newSigningKey(), newSigningKey()];
  const member: Member = { role: "host", id: mine.id, publicKey: mine.publicKey, startsAtMs: 0, endsAtMs: 1e15 };
  const welcomed = async (key: SigningKey, id = key.id): Promise<boolean> => {
    const host = { ...card, id, publicKey: key.publicKey };
    const { clock, heard, session } = newSession({ trust: true, member, host });
    await clock.settle(100);
    session.ended();
    return heard.some(({ kind }) => kind === "welcome");
  };
  assert.equal(await welcomed(mine), true);
  assert.equal(await welcomed(other), false, "another's key under its own certificate");
  assert.equal(await welcomed(other, mine.id), false, "its own id with another's key");
});
