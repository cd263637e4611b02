/**
 * Two versions of the protocol side by side: a real host's link and a real manager's session, with a
 * made-up older or newer minor version of either between them.
 */

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { ManagerEntry } from "#core/placement/mod.ts";
import {
  decodeJson,
  encodeFrame,
  encodeJsonFrame,
  FrameReader,
  frameType,
  readHostMessage,
  readManagerMessage,
  type HostCard,
  type ManagerMessage,
} from "#core/protocol/mod.ts";
import { Pace } from "#core/swarm/mod.ts";
import { SimClock } from "#platform/machine/clock.sim.ts";
import { silentLog } from "#platform/telemetry/log.ts";
import { newSigningKey } from "#platform/keys/signing.ts";
import { Looks, ManagerLink, ReadGate } from "#transfer/mod.ts";
import { MemoryNetwork, type MemoryConnection } from "../../../../test/memory-network.ts";
import { Crowds } from "../colleagues/mod.ts";
import { HostSession } from "../host-session.ts";

const card: HostCard = { id: "h", name: "h", site: "", address: "10.0.0.1", port: 1 };
const manager: ManagerEntry = {
  id: "m",
  url: "http://10.0.0.9:8002",
  site: "",
  address: "10.0.0.9",
  load: 0,
  version: "",
  health: "up",
};

type Message = Readonly<Record<string, unknown>>;
type Rewrite = (message: Message) => readonly Message[];

/** What another minor version would say in place of a message of ours. */
const asIs: Rewrite = (message) => [message];
const newer: Rewrite = (message) => [
  { kind: "greeting-of-tomorrow", depth: { of: ["anything"] } },
  { ...message, ...("version" in message ? { version: "1.99" } : {}), unheardOf: { field: [1, 2] } },
];
/** It knows no field that is optional. */
const older: Rewrite = (message) => {
  const known = Object.entries(message).filter(([name]) => !["heldOnly", "publicKey"].includes(name));
  return [{ ...Object.fromEntries(known), ...("version" in message ? { version: "1.0" } : {}) }];
};
const otherMajor: Rewrite = (message) => [{ ...message, ...("version" in message ? { version: "2.0" } : {}) }];

/** Passes on what `rewrite` makes of each message. */
function rewritten(rewrite: Rewrite, pass: (bytes: Uint8Array) => void): (bytes: Uint8Array) => void {
  const reader = new FrameReader();
  return (bytes) => {
    const frames = reader.push(bytes);
    assert.ok(frames !== "oversized");
    for (const frame of frames) {
      if (frame.payloadBytes === 0) continue;
      // A frame of a type that nobody knows yet.
      if (rewrite === newer) pass(encodeFrame(99, 0, 0, new Uint8Array([1, 2, 3])));
      for (const message of rewrite(decodeJson(frame.payload) as Message)) {
        pass(encodeJsonFrame(frameType.message, 0, message));
      }
    }
  };
}

async function meet(hostSpeaks: Rewrite, managerSpeaks: Rewrite) {
  const clock = new SimClock();
  const network = new MemoryNetwork(clock);
  const looks = new Looks(clock, async () => ({ status: 200, headers: {} }));
  let session: HostSession | undefined;
  network.listen("10.0.0.9", {
    accept: (connection: MemoryConnection) => {
      session = new HostSession({
        clock,
        log: silentLog,
        manager: "m",
        trust: false,
        key: newSigningKey(),
        pace: new Pace(),
        siteOf: ({ site }) => site,
        hostsKnown: () => 7,
        gate: new ReadGate(clock, looks, async () => undefined),
        onFetched: () => undefined,
        taskFor: () => assert.fail("nothing is asked for"),
        holdsTask: () => false,
        knownTask: () => undefined,
        crowds: new Crowds({ clock, own: "m", hostsMax: () => 1 }),
        onHello: () => undefined,
        member: undefined,
        address: "10.0.0.1",
      });
      session.link.attach(connection);
      const { link } = session;
      return {
        headers: {},
        received: rewritten(hostSpeaks, (bytes) => link.received(bytes)),
        ended: () => link.ended(),
      };
    },
  });
  const heard: ManagerMessage[] = [];
  const lost: string[] = [];
  let hosts: number | undefined;
  const { dialler } = network;
  const host = new ManagerLink({
    clock,
    dialler: {
      dial: (options, handlers) => {
        const onBytes = rewritten(managerSpeaks, (bytes) => handlers.onBytes?.(bytes));
        return dialler.dial(options, { ...handlers, onBytes });
      },
    },
    isRevoked: () => false,
    card: () => card,
    manager,
    onWelcome: (_, welcome) => (hosts = welcome.hosts),
    onMessage: (_, message) => void heard.push(message),
    onLost: (_, reason) => void lost.push(reason),
  });
  await clock.settle(100);
  host.send({ kind: "look", id: 3, look: { url: "http://origin/a", headers: {}, freshForMs: 0 } });
  await clock.settle(100);
  const outcome = { hosts, known: session?.card.id, heard: heard.map(({ kind }) => kind).join(" "), lost };
  host.close();
  return outcome;
}

describe("a host and a manager of different versions", () => {
  const works = { hosts: 7, known: "h", heard: "seen", lost: [] };
  for (const [what, hostSpeaks, managerSpeaks] of [
    ["both of today", asIs, asIs],
    ["a newer host", newer, asIs],
    ["an older host", older, asIs],
    ["a newer manager", asIs, newer],
    ["an older manager", asIs, older],
    ["a newer host and an older manager", newer, older],
  ] as const) {
    test(`${what}: they understand each other`, async () => {
      assert.deepEqual(await meet(hostSpeaks, managerSpeaks), works);
    });
  }

  test("another major version is left, and said so", async () => {
    const asHost = await meet(otherMajor, asIs);
    assert.deepEqual([asHost.hosts, asHost.known], [undefined, ""]);
    const asManager = await meet(asIs, otherMajor);
    assert.deepEqual([asManager.hosts, asManager.lost], [undefined, ["it speaks protocol 2.0"]]);
  });

  test("fields that this version does not know come through as they are", () => {
    const ask = { url: "http://origin/a", headers: {}, filterQuery: [], tag: "", priority: "low" };
    const asked = { kind: "ask", task: "t", ask, deadlineMs: 5 };
    assert.deepEqual(readHostMessage(asked), asked);
    const head = { task: "t", generation: "g", pieceBytes: 1, url: "u", form: "sealed" };
    assert.deepEqual(readManagerMessage({ kind: "head", head, ofTomorrow: true }), {
      kind: "head",
      head,
      ofTomorrow: true,
    });
    assert.equal(readManagerMessage({ kind: "of-tomorrow" }), "unknown");
  });
});
