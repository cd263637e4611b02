/** Eight hosts through one manager, as processes: the origin sends once, and nobody without a right gets a byte. */

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { taskIdOf } from "#transfer/mod.ts";
import { newSigningKey, signingKeyFromPem, type SigningKey } from "#platform/keys/signing.ts";
import { signTicket } from "#transfer/mod.ts";
import * as fs from "node:fs";
import { Cluster, type Role } from "./cluster.ts";
import { RawPeer } from "./piece-client.ts";

const sizeBytes = 24_000_000;

describe("eight hosts through one manager", () => {
  let cluster: Cluster;
  let manager: Role;
  let hosts: Role[];
  let url: string;

  before(async () => {
    cluster = await Cluster.start();
    // For whoever comes late, too.
    url = cluster.serve("/data", { body: { sizeBytes, seed: 3 }, headers: { "cache-control": "max-age=600" } });
    // Less than the hosts could take from it, so that they need each other.
    manager = await cluster.manager("manager", ["--upload-rate", "24MB"]);
    hosts = await cluster.daemons(8, manager);
  });
  after(() => cluster.end());

  test("all get it intact; the origin is asked once and sends it once", async () => {
    const outcomes = await cluster.toAll(hosts, url);
    for (const [index, outcome] of outcomes.entries()) cluster.assertIntact(outcome, `h${index + 1}.out`, "/data");
    assert.equal(cluster.origin.requestsOf("/data").length, 1);
    const copies = cluster.origin.bodyBytes("/data") / sizeBytes;
    assert.ok(copies <= 1.01, `${copies} copies`);
    assert.equal(await manager.metric("darner_trust"), 1, "trust is on by default");
    const seeded = (await manager.metric("darner_upload_bytes")) / sizeBytes;
    assert.ok(seeded < 5, `peers fed each other: the manager sent ${seeded} copies`);
  });

  test("a late host gets it from the cluster without another body from the origin", async () => {
    const before = cluster.origin.bodyBytes("/data");
    const late = await cluster.daemon("late", manager);
    cluster.assertIntact(await cluster.dfget(late, url, "late.out").outcome, "late.out", "/data");
    assert.equal(cluster.origin.bodyBytes("/data"), before);
  });

  describe("who has no right gets nothing", () => {
    const ask = (): { url: string; headers: {}; filterQuery: []; tag: string } => ({
      url,
      headers: {},
      filterQuery: [],
      tag: "",
    });
    let task: string;
    let generation: string;
    let ticket: string;
    const key = newSigningKey();

    before(async () => {
      task = taskIdOf(ask());
      const control = await greet(key);
      control.say({ kind: "ask", task, ask: ask() });
      const { head, ticket: given } = await control.hear("head");
      generation = head.generation;
      ticket = given!;
      control.close();
    });

    async function greet(as: SigningKey): Promise<RawPeer> {
      const control = await RawPeer.dial(manager.port, "/control");
      const card = { id: as.id, name: "raw", site: "", address: "127.0.0.1", port: 1, publicKey: as.publicKey };
      control.say({ kind: "hello", version: "1.0", host: card });
      await control.hear("welcome");
      return control;
    }

    /** What a parent answers to such an open, and whether any piece came for a want after it. */
    async function opened(
      parent: Role,
      shown: { key?: SigningKey; host?: string; ticket?: string | undefined; proves?: boolean; nonce?: string },
    ): Promise<string> {
      const by = shown.key ?? key;
      const peer = await RawPeer.dial(parent.port, "/pieces", shown.host ?? by.id);
      if (shown.proves !== false) peer.prove(by, shown.nonce ?? peer.nonce);
      const answer = await peer.open(task, generation, shown.ticket);
      peer.want([0, 1, 2]);
      if (typeof answer !== "string") await peerHas(peer, 3);
      else await new Promise((resolve) => setTimeout(resolve, 50));
      const { length } = peer.pieces;
      peer.close();
      return typeof answer === "string" ? `${answer}; ${length} pieces` : `opened; ${length} pieces`;
    }

    async function peerHas(peer: RawPeer, count: number): Promise<void> {
      for (let wait = 0; wait < 500 && peer.pieces.length < count; wait++)
        await new Promise((resolve) => setTimeout(resolve, 10));
    }

    for (const [who, parent] of [
      ["a host", () => hosts[0]!],
      ["the manager", () => manager],
    ] as const) {
      test(`${who} serves the ticket's holder, and nobody else`, async () => {
        assert.equal(await opened(parent(), { ticket }), "opened; 3 pieces");
        assert.equal(await opened(parent(), { ticket: undefined }), "there is no ticket; 0 pieces");
        assert.equal(await opened(parent(), { ticket: "x.y" }), `${notSigned}; 0 pieces`);
        const stranger = newSigningKey();
        assert.equal(
          await opened(parent(), { key: stranger, ticket }),
          "the ticket is for another host; 0 pieces",
          "another host's ticket",
        );
        const forged = signTicket(stranger, task, stranger.id, Date.now());
        assert.equal(await opened(parent(), { key: stranger, ticket: forged }), `${notSigned}; 0 pieces`);
        const managerKey = signingKeyFromPem(
          fs.readFileSync(`${manager.dataDirectory}/cluster-manager/key.pem`, "utf8"),
        );
        const otherTask = signTicket(managerKey, "0".repeat(64), key.id, Date.now());
        assert.equal(await opened(parent(), { ticket: otherTask }), "the ticket is for another task; 0 pieces");
        const old = signTicket(managerKey, task, key.id, Date.now() - 3_600_000);
        assert.equal(await opened(parent(), { ticket: old }), "the ticket has expired; 0 pieces");
      });

      test(`${who} believes no host that does not prove its key`, async () => {
        assert.equal(
          await opened(parent(), { ticket, proves: false }),
          "the host has not proved its key; 0 pieces",
          "no proof",
        );
        const stranger = newSigningKey();
        assert.equal(
          await opened(parent(), { key: stranger, host: key.id, ticket }),
          "gone; 0 pieces",
          "a stranger's key",
        );
        assert.equal(await opened(parent(), { ticket, nonce: "an older nonce" }), "gone; 0 pieces", "a replayed proof");
      });
    }

    test("a manager lets no host join under another's id", async () => {
      const control = await RawPeer.dial(manager.port, "/control");
      const stranger = newSigningKey();
      const card = { id: key.id, name: "raw", site: "", address: "", port: 1, publicKey: stranger.publicKey };
      control.say({ kind: "hello", version: "1.0", host: card });
      await assert.rejects(control.hear("welcome"), /hung up/);
    });

    test("another major version is refused with a word, at both planes", async () => {
      for (const path of ["/control", "/pieces"] as const) {
        const peer = await RawPeer.dial(manager.port, path, key.id, "2.0");
        assert.equal(peer.status, 426);
        peer.close();
      }
    });
  });
});

const notSigned = "the ticket is not signed by a manager of this cluster";
