/**
 * Attacks on what is sealed: by who taps the piece plane or has a ticket and no right, and by who may
 * write where sealed pieces lie. None gets a clear byte or a key; a piece that was swapped, cut,
 * repeated or moved is refused, with a log line that names the cause, and got again.
 */

import assert from "node:assert/strict";
import * as fs from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import type { TaskAsk } from "#core/protocol/mod.ts";
import { newSigningKey, signingKeyFromPem } from "#platform/keys/signing.ts";
import { signTicket, taskIdOf } from "#transfer/mod.ts";
import { contentOf } from "../origin/mod.ts";
import { Cluster, until, type Role } from "../integration/cluster.ts";
import { RawPeer } from "../integration/piece-client.ts";

const pieceBytes = 65_536;
const sizeBytes = 1_500_000;
const body = { sizeBytes, seed: 5 };
const clear = contentOf({ body }, 1).read(0, sizeBytes);
const path = "/secret";
const good = { authorization: "Bearer good" };
const flags = ["-H", "Authorization: Bearer good"];

describe("attacks on what is sealed", () => {
  let cluster: Cluster;
  let manager: Role;
  let [first, second]: Role[] = [];
  let url: string;
  let ask: TaskAsk;
  let outputs = 0;
  const key = newSigningKey();

  before(async () => {
    cluster = await Cluster.start();
    cluster.expects("piece.spoiled", "peer.wrong-bytes", "peer.accused", "seal.broken");
    url = cluster.serve(path, { body, etag: '"1"', needsHeader: { name: "authorization", value: "Bearer good" } });
    ask = { url, headers: good, filterQuery: [], tag: "" };
    manager = await cluster.manager("manager", ["--piece-bytes", "64K"]);
    [first, second] = await cluster.daemons(2, manager);
    await intact(first!);
  });
  after(() => cluster.end());

  async function intact(host: Role): Promise<void> {
    const output = `out${++outputs}`;
    cluster.assertIntact(await cluster.dfget(host, url, output, flags).outcome, output, path);
  }

  async function greeted(): Promise<RawPeer> {
    const control = await RawPeer.dial(manager.port, "/control");
    const card = { id: key.id, name: "raw", site: "", address: "127.0.0.1", port: 1, publicKey: key.publicKey };
    control.say({ kind: "hello", version: "1.0", host: card });
    await control.hear("welcome");
    return control;
  }

  /** The sealed pieces as the role keeps them. */
  function contentFile(role: Role): string {
    const names = fs.readdirSync(role.dataDirectory, { recursive: true, encoding: "utf8" });
    const files = names.filter((name) => name.endsWith("content")).map((name) => join(role.dataDirectory, name));
    return files.find((file) => fs.statSync(file).size > sizeBytes)!;
  }

  function assertSealed(bytes: Buffer, what: string): void {
    for (let at = 0; at + 32 <= sizeBytes; at += 4096)
      assert.ok(!bytes.includes(clear.subarray(at, at + 32)), `${what} has clear bytes`);
  }

  for (const [what, over] of [
    ["a wrong credential", { headers: { authorization: "Bearer bad" } }],
    ["no credential", { headers: {} }],
    ["its digest alone", { headers: {}, digest: true }],
  ] as const) {
    test(`${what} gets neither the head nor the key`, async () => {
      const control = await greeted();
      const digest = "digest" in over ? { digest: `sha256:${cluster.digest(path)}` } : {};
      const asked: TaskAsk = { ...ask, headers: over.headers, ...digest };
      control.say({ kind: "ask", task: taskIdOf(asked), ask: asked });
      assert.match((await control.hear("failed")).error.code, /^origin\.(unauthorized|forbidden)$/);
      assert.ok(!control.frames.some(({ payload }) => payload.includes("sealSecret")), "no key comes");
      await manager.logged("task.failed");
      control.close();
    });
  }

  test("the task's id, guessed or seen, without what it was asked for with, gets no key", async () => {
    const control = await greeted();
    control.say({ kind: "ask", task: taskIdOf(ask), ask: { ...ask, headers: {} } });
    assert.match((await control.hear("failed")).error.message, /does not follow from what is asked/);
    assert.ok(!control.frames.some(({ payload }) => payload.includes("sealSecret")));
    control.close();
  });

  test("a ticket without the right, and a tap on the piece plane, get sealed bytes and nothing else", async () => {
    const pem = fs.readFileSync(`${manager.dataDirectory}/cluster-manager/key.pem`, "utf8");
    const task = taskIdOf(ask);
    const entitled = await greeted();
    entitled.say({ kind: "ask", task, ask });
    const { head, sealSecret } = await entitled.hear("head");
    assert.ok(head.seal !== undefined && sealSecret !== undefined, "who has the right gets the key");
    entitled.close();
    const peer = await RawPeer.dial(first!.port, "/pieces", key.id);
    peer.prove(key);
    const opened = await peer.open(task, head.generation, signTicket(signingKeyFromPem(pem), task, key.id, Date.now()));
    assert.notEqual(typeof opened, "string", "it is opened");
    peer.want([0, 1, 2, 3]);
    await until(() => peer.pieces.length === 4, "the pieces come");
    for (const { payload } of peer.frames) {
      assertSealed(payload, "a frame");
      assert.ok(!payload.includes(sealSecret) && !payload.includes(Buffer.from(sealSecret, "base64")));
    }
    peer.close();
  });

  test("no key is in a file, a log line, a metric or a route", async () => {
    const entitled = await greeted();
    entitled.say({ kind: "ask", task: taskIdOf(ask), ask });
    const { sealSecret } = await entitled.hear("head");
    entitled.close();
    const raw = Buffer.from(sealSecret ?? "", "base64");
    assert.equal(raw.length, 32);
    const forms = [
      raw,
      Buffer.from(sealSecret!),
      Buffer.from(raw.toString("hex")),
      Buffer.from(raw.toString("base64url")),
    ];
    const assertNone = (bytes: Buffer, where: string): void => {
      for (const form of forms) assert.ok(!bytes.includes(form), `${where} has the key`);
    };
    for (const name of fs.readdirSync(cluster.folder, { recursive: true, encoding: "utf8" })) {
      const file = join(cluster.folder, name);
      if (fs.lstatSync(file).isFile()) assertNone(fs.readFileSync(file), name);
    }
    for (const role of [manager, first!, second!]) {
      assertNone(Buffer.from(role.log), `the log of ${role.name}`);
      for (const page of ["/", "/metrics", "/v1/tasks", `/v1/tasks/${taskIdOf(ask)}/explain`])
        assertNone(Buffer.from((await role.get(page)).text), `${page} of ${role.name}`);
    }
  });

  const spoilings: Record<string, (lies: Buffer) => Buffer> = {
    "two pieces swapped": (lies) => {
      const swapped = Buffer.from(lies);
      lies.copy(swapped, 0, pieceBytes, 2 * pieceBytes);
      lies.copy(swapped, pieceBytes, 0, pieceBytes);
      return swapped;
    },
    "a piece repeated over its neighbour": (lies) => {
      const repeated = Buffer.from(lies);
      lies.copy(repeated, 5 * pieceBytes, 4 * pieceBytes, 5 * pieceBytes);
      return repeated;
    },
    "all pieces in another order": (lies) => {
      const whole = Math.floor(lies.length / pieceBytes);
      const turned = Array.from({ length: whole }, (_, index) =>
        lies.subarray((whole - 1 - index) * pieceBytes, (whole - index) * pieceBytes),
      );
      return Buffer.concat([...turned, lies.subarray(whole * pieceBytes)]);
    },
    "the last pieces cut off": (lies) => lies.subarray(0, lies.length - 3 * pieceBytes),
    "the nonce of a piece changed": (lies) => Buffer.from(lies).fill(0, pieceBytes, pieceBytes + 12),
    "the tag of a piece changed": (lies) => Buffer.from(lies).fill(0, 2 * pieceBytes - 16, 2 * pieceBytes),
  };
  for (const [what, spoil] of Object.entries(spoilings)) {
    test(`${what} where the manager keeps them: a host refuses them and gets the object all the same`, async () => {
      await second!.end("SIGKILL");
      await first!.end("SIGKILL");
      fs.rmSync(join(second!.dataDirectory, "daemon", "tasks"), { recursive: true, force: true });
      const file = contentFile(manager);
      // The open file is what the manager reads.
      fs.writeFileSync(file, spoil(fs.readFileSync(file)));
      const before = manager.entries("piece.spoiled").length;
      await second!.start();
      await intact(second!);
      await manager.logged("piece.spoiled", before + 1);
      if (!what.includes("cut")) await second!.logged("peer.wrong-bytes");
      assert.equal((await manager.get("/healthz")).status, 200, "it lives");
      await first!.start();
    });

    test(`${what} where a host keeps them: it finds out, and gets them again`, async () => {
      await intact(first!);
      const file = contentFile(first!);
      fs.writeFileSync(file, spoil(fs.readFileSync(file)));
      await intact(first!);
      assert.equal((await first!.get("/healthz")).status, 200);
    });
  }
});
