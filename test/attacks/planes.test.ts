/**
 * Attacks on the ports of a cluster's processes: rights that are forged, stale, borrowed or missing,
 * frames and messages that are none, hosts that claim to be others, origins that are not for whoever
 * asks. Each is refused with a log line that names the cause, and no process ends.
 */

import assert from "node:assert/strict";
import * as fs from "node:fs";
import { networkInterfaces } from "node:os";
import { after, before, describe, test } from "node:test";
import { encodeFrame, encodeIndices, encodeJsonFrame, frameType, type HostMessage } from "#core/protocol/mod.ts";
import { newSigningKey, signingKeyFromPem, type SigningKey } from "#platform/keys/signing.ts";
import { signTicket, taskIdOf } from "#transfer/mod.ts";
import { Cluster, until, type Role } from "../integration/cluster.ts";
import { RawPeer } from "../integration/piece-client.ts";

const none = new Uint8Array(0);
const minutes = (count: number): number => count * 60_000;
/** An address of this machine that is not loopback, where there is one. */
const outside = Object.values(networkInterfaces())
  .flat()
  .find((entry) => entry?.family === "IPv4" && !entry.internal)?.address;

describe("attacks on the planes", () => {
  let cluster: Cluster;
  let manager: Role;
  let host: Role;
  let managerKey: SigningKey;
  let task: string;
  let generation: string;
  const key = newSigningKey();

  before(async () => {
    cluster = await Cluster.start();
    cluster.expects("peer.accused");
    const url = cluster.serve("/data", { body: { sizeBytes: 2_000_000, seed: 8 } });
    manager = await cluster.manager();
    host = await cluster.daemon("h1", manager);
    cluster.assertIntact(await cluster.dfget(host, url, "out").outcome, "out", "/data");
    managerKey = signingKeyFromPem(fs.readFileSync(`${manager.dataDirectory}/cluster-manager/key.pem`, "utf8"));
    const ask = { url, headers: {}, filterQuery: [], tag: "" };
    task = taskIdOf(ask);
    const control = await greeted(manager, key);
    control.say({ kind: "ask", task, ask });
    ({ generation } = (await control.hear("head")).head);
    control.close();
  });
  after(() => cluster.end());

  function cardOf(by: SigningKey, over: object = {}): Extract<HostMessage, { kind: "hello" }>["host"] {
    return { id: by.id, name: "raw", site: "", address: "127.0.0.1", port: 1, publicKey: by.publicKey, ...over };
  }

  async function greeted(role: Role, by: SigningKey, over: object = {}, address = "127.0.0.1"): Promise<RawPeer> {
    const control = await RawPeer.dial(role.port, "/control", "", undefined, address);
    control.say({ kind: "hello", version: "1.0", host: cardOf(by, over) });
    await control.hear("welcome");
    return control;
  }

  async function alive(): Promise<void> {
    for (const role of [manager, host]) assert.equal((await role.get("/healthz")).status, 200, `${role.name} lives`);
  }

  async function logged(role: Role, event: string, reason: RegExp, what: string): Promise<void> {
    const said = (): boolean => role.entries(event).some((entry) => reason.test(JSON.stringify(entry)));
    await until(said, `${role.name} logs why it refused ${what}`);
  }

  const now = Date.now();
  const rights: Record<
    string,
    { ticket?: () => string; by?: SigningKey; as?: string; nonce?: string; reason: RegExp }
  > = {
    "no ticket": { reason: /there is no ticket/ },
    "a ticket that is rubbish": { ticket: () => "rubbish", reason: /there is no ticket/ },
    "a ticket that nobody signed": {
      ticket: () => `${Buffer.from("{}").toString("base64url")}.AAAA`,
      reason: /not signed/,
    },
    "a forged ticket": {
      ticket: () => signTicket(newSigningKey(), task, key.id, now),
      reason: /not signed by a manager/,
    },
    "another task's ticket": {
      ticket: () => signTicket(managerKey, "0".repeat(64), key.id, now),
      reason: /another task/,
    },
    "another host's ticket": {
      ticket: () => signTicket(managerKey, task, "0".repeat(32), now),
      reason: /another host/,
    },
    "an expired ticket": { ticket: () => signTicket(managerKey, task, key.id, now - minutes(16)), reason: /expired/ },
    "a ticket whose claims were changed": {
      ticket: () => {
        const [, signature] = signTicket(managerKey, task, "0".repeat(32), now).split(".");
        const claims = JSON.stringify({ task, host: key.id, expiresAtMs: now + minutes(10) });
        return `${Buffer.from(claims).toString("base64url")}.${signature}`;
      },
      reason: /not signed/,
    },
    "a manifest's signature as a ticket's": {
      ticket: () => {
        const claims = JSON.stringify({ task, host: key.id, expiresAtMs: now + minutes(10) });
        const encoded = Buffer.from(claims).toString("base64url");
        return `${encoded}.${managerKey.sign("manifest", encoded)}`;
      },
      reason: /not signed/,
    },
    "a stolen ticket with the thief's own key": {
      ticket: () => signTicket(managerKey, task, key.id, now),
      by: newSigningKey(),
      reason: /another host/,
    },
    "a stolen ticket under its owner's name": {
      ticket: () => signTicket(managerKey, task, key.id, now),
      by: newSigningKey(),
      as: key.id,
      reason: /does not prove the key/,
    },
    "a proof for an older connection": {
      ticket: () => signTicket(managerKey, task, key.id, now),
      nonce: "an older nonce",
      reason: /does not prove the key/,
    },
  };
  for (const [what, { ticket, by = key, as, nonce, reason }] of Object.entries(rights)) {
    test(`${what} gets no piece, of a host or of the manager`, async () => {
      for (const role of [host, manager]) {
        const peer = await RawPeer.dial(role.port, "/pieces", as ?? by.id);
        peer.prove(by, nonce ?? peer.nonce);
        assert.equal(typeof (await peer.open(task, generation, ticket?.())), "string");
        peer.want([0, 1]);
        await logged(role, "peer.refused", reason, what);
        assert.deepEqual(peer.pieces, []);
        peer.close();
      }
      await alive();
    });
  }

  test("a manager's clock that is four minutes behind shuts nobody out", async () => {
    const peer = await RawPeer.dial(host.port, "/pieces", key.id);
    peer.prove(key);
    const opened = await peer.open(task, generation, signTicket(managerKey, task, key.id, Date.now() - minutes(14)));
    assert.notEqual(typeof opened, "string");
    peer.close();
  });

  test("who goes on to ask without rights loses the connection", async () => {
    const peer = await RawPeer.dial(host.port, "/pieces", key.id);
    peer.prove(key);
    for (let time = 0; time < 20; time++) peer.send(encodeJsonFrame(frameType.open, time, { task, generation }));
    await until(() => peer.ended, "the host hangs up");
    await alive();
  });

  const garbage: Record<string, Uint8Array> = {
    "bytes that are no frames": Buffer.from("GET / HTTP/1.1\r\n\r\n".repeat(200)),
    "a frame longer than any": encodeFrame(frameType.open, 1, 0, none).fill(0xff, 12, 16),
    "a proof that is no JSON": encodeFrame(frameType.prove, 0, 0, Buffer.from("{")),
    "an open that is no request": encodeJsonFrame(frameType.open, 1, { task: 1 }),
    "wants of what was never opened": encodeFrame(frameType.want, 9, 0, encodeIndices([0, 2 ** 32 - 1])),
    "JSON ten thousand levels deep": encodeFrame(
      frameType.message,
      0,
      0,
      Buffer.from("[".repeat(10_000) + "]".repeat(10_000)),
    ),
    "a hello with a prototype": encodeFrame(
      frameType.message,
      0,
      0,
      Buffer.from('{"kind":"hello","__proto__":{"x":1}}'),
    ),
    "a kind that is a method's name": encodeJsonFrame(frameType.message, 0, { kind: "toString" }),
    "a report of more pieces than there are": encodeJsonFrame(frameType.message, 0, {
      kind: "report",
      task: "t",
      generation: "g",
      news: Array.from({ length: 300_000 }, (_, index) => index),
    }),
  };
  for (const [what, bytes] of Object.entries(garbage)) {
    test(`${what}, at both planes of manager and host`, async () => {
      for (const role of [manager, host]) {
        const peer = await RawPeer.dial(role.port, "/pieces", key.id);
        peer.send(bytes);
        peer.close();
      }
      const control = await greeted(manager, newSigningKey());
      control.send(bytes);
      const stranger = await RawPeer.dial(manager.port, "/control");
      stranger.send(bytes);
      await new Promise((resolve) => setTimeout(resolve, 50));
      control.close();
      stranger.close();
      await alive();
    });
  }

  test("a host under another's id is refused", async () => {
    const control = await RawPeer.dial(manager.port, "/control");
    control.say({ kind: "hello", version: "1.0", host: cardOf(newSigningKey(), { id: key.id }) });
    await assert.rejects(control.hear("welcome"), /hung up/);
    await logged(manager, "host.refused", /does not follow from its key/, "it");
  });

  test("an ask whose task id is another's is refused", async () => {
    const control = await greeted(manager, key);
    const url = cluster.origin.url("/other");
    control.say({ kind: "ask", task, ask: { url, headers: {}, filterQuery: [], tag: "" } });
    assert.match((await control.hear("failed")).error.message, /does not follow from what is asked/);
    control.close();
  });

  test("a false accusation of an honest host shuts it out of nothing", async () => {
    const ask = { url: cluster.origin.url("/data"), headers: {}, filterQuery: [], tag: "" };
    const hostId = signingKeyFromPem(fs.readFileSync(`${host.dataDirectory}/daemon/key.pem`, "utf8")).id;
    const accusers = [newSigningKey(), newSigningKey(), newSigningKey(), newSigningKey()];
    const links = await Promise.all(accusers.map((by) => greeted(manager, by)));
    for (const link of links) {
      link.say({ kind: "ask", task, ask });
      await link.hear("head");
      link.say({ kind: "accuse", task, generation, parent: hostId, piece: 0 });
    }
    await logged(manager, "peer.looked-at", /right bytes/, "the accusation");
    assert.deepEqual(manager.entries("peer.shut-out"), []);
    for (const link of links) link.close();
  });

  test("from another machine neither loopback nor link-local can be fetched, by address or by name", async (t) => {
    if (outside === undefined) return t.skip("this machine has no address but loopback");
    const far = await cluster.role("far", "cluster-manager", ["--trust", "off", "--listen", "0.0.0.0:0"]).start();
    const control = await greeted(far, key, { address: "127.0.0.1" }, outside);
    for (const address of ["127.0.0.1", "localhost", "[::1]", "0.0.0.0", "169.254.169.254"]) {
      const url = cluster.origin.url("/data").replace("127.0.0.1", address);
      const ask = { url, headers: {}, filterQuery: [], tag: "" };
      control.frames.length = 0;
      control.say({ kind: "ask", task: taskIdOf(ask), ask });
      const { error } = await control.hear("failed");
      assert.equal(error.code, "reach.refused", `${address}: ${error.message}`);
    }
    assert.ok((await far.logged("task.failed")).some(({ code }) => code === "reach.refused"));
    control.close();
  });
});
