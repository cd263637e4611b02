/** An object that lies sealed: fetched, gone on with, and read by who has the key. */

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { describe, test } from "node:test";
import { bytesJoin, type DarnerError } from "#base/mod.ts";
import { sealBytes } from "#core/model/mod.ts";
import { SimClock } from "#platform/machine/clock.sim.ts";
import { SimDisk } from "#platform/files/disk.sim.ts";
import { nodeRandom } from "#platform/machine/random.node.ts";
import { PieceFile } from "#storage/pieces/mod.ts";
import { ScriptedOrigin, type ScriptedObject } from "../../../test/scripted-origin.ts";
import { nameGeneration } from "../manifest/mod.ts";
import { Limiter } from "../limits/mod.ts";
import { OriginFetch } from "../origin/mod.ts";
import { Sealing } from "./sealing.ts";

const task = "5e".repeat(32);
const pieceBytes = 4096;
const content = Uint8Array.from({ length: 10 * pieceBytes + 100 }, (_, index) => (index * index + 7 * index) & 0xff);
const digest = createHash("sha256").update(content).digest("hex");

class Scene {
  readonly clock = new SimClock();
  readonly disk = new SimDisk();
  readonly origin: ScriptedOrigin;
  sealing = new Sealing(task);
  store!: PieceFile;

  constructor(serve: (number: number) => ScriptedObject) {
    this.origin = new ScriptedOrigin((_, number) => serve(number));
  }

  /** Opens what is on the disk, as a process does that starts. */
  async open(): Promise<this> {
    const [content, journal] = [await this.disk.open("/content", "keep"), await this.disk.open("/journal", "keep")];
    this.store = await PieceFile.open({ content, journal, boot: new Uint8Array(8) });
    return this;
  }

  async fetch(over: { readonly connectionsMax?: number; readonly triesMax?: number } = {}): Promise<string> {
    const { clock, origin, store, sealing } = this;
    let outcome: string | undefined;
    const fetching = new OriginFetch({
      origin,
      clock,
      store,
      sealing,
      random: nodeRandom,
      limiter: new Limiter(clock, Infinity),
      url: "http://origin/a",
      headers: {},
      caller: "far",
      expected: [],
      proveAlways: true,
      connectionsMax: 1,
      splitBytesMin: pieceBytes,
      hosts: 1,
      pieceBytes,
      triesMax: 3,
      signal: new AbortController().signal,
      generationOf: (facts) => nameGeneration({ task, ...facts }, nodeRandom),
      ...over,
    });
    fetching.run().then(
      () => (outcome = "whole"),
      (error: DarnerError) => (outcome = error.code),
    );
    while (outcome === undefined) await clock.settle(100);
    return outcome;
  }

  async read(): Promise<Uint8Array> {
    const parts: Uint8Array[] = [];
    for (const index of this.store.have.indices()) parts.push(await this.sealing.read(this.store, index));
    return bytesJoin(parts);
  }

  async assertSealed(): Promise<void> {
    assert.deepEqual(Buffer.from(await this.read()), Buffer.from(content));
    assert.deepEqual(this.store.end?.digests, [`sha256:${digest}`], "the digest is that of the clear object");
    const lies = Buffer.from(this.disk.bytesOf("/content")!);
    assert.equal(lies.length, content.length + 11 * sealBytes);
    for (let at = 0; at < content.length; at += 512) {
      assert.ok(!lies.includes(content.subarray(at, at + 32)), `clear bytes of ${at} lie on the disk`);
    }
    assert.ok(!Buffer.from(this.disk.bytesOf("/journal")!).includes(this.sealing.secret!), "the key is not there");
  }
}

const whole = (over: Partial<ScriptedObject> = {}): ScriptedObject => ({ content, etag: '"v1"', ...over });

describe("an object that lies sealed", () => {
  test("is fetched, proved and read; neither it nor its key is on the disk in clear", async () => {
    const scene = await new Scene(() => whole()).open();
    assert.equal(await scene.fetch(), "whole");
    await scene.assertSealed();
    assert.equal(scene.store.clearLengthBytes, content.length);
    assert.equal(scene.origin.bytesSent, content.length);
  });

  test("of unknown length, by several connections, and cut in the middle, the same", async () => {
    for (const over of [{ chunked: true }, {}, { cutAt: 20_000 }] as Partial<ScriptedObject>[]) {
      const scene = await new Scene((number) => whole(number === 0 ? over : {})).open();
      assert.equal(await scene.fetch({ connectionsMax: 3 }), "whole");
      await scene.assertSealed();
    }
  });

  test("is gone on with where the key is known", async () => {
    const scene = await new Scene((number) => whole(number === 0 ? { cutAt: 20_000 } : {})).open();
    assert.notEqual(await scene.fetch({ triesMax: 1 }), "whole");
    const held = scene.store.have.count;
    assert.ok(held > 0 && held < 11, `${held} pieces came`);
    const { generation } = scene.store.object!;
    await scene.store.close();
    await scene.open();
    assert.equal(await scene.fetch(), "whole");
    assert.equal(scene.store.object!.generation, generation);
    await scene.assertSealed();
    assert.ok(scene.origin.bytesSent <= content.length + pieceBytes + 20_000 - held * (pieceBytes - sealBytes));
  });

  test("whose key is lost begins anew, under another name: its pieces are other bytes", async () => {
    const scene = await new Scene((number) => whole(number === 0 ? { cutAt: 20_000 } : {})).open();
    await scene.fetch({ triesMax: 1 });
    const { generation } = scene.store.object!;
    await scene.store.close();
    await scene.open();
    scene.sealing = new Sealing(task);
    assert.equal(scene.sealing.opens(scene.store.object), false);
    await assert.rejects(scene.sealing.read(scene.store, 0), (error: DarnerError) => error.code === "seal.broken");
    assert.equal(await scene.fetch(), "whole");
    assert.notEqual(scene.store.object!.generation, generation);
    await scene.assertSealed();
  });

  test("opens for whoever is given its key, and takes no other", async () => {
    const scene = await new Scene(() => whole()).open();
    await scene.fetch();
    const { seal } = scene.store.object!;
    const other = new Sealing(task);
    for (const wrong of [undefined, "", "AAAA", Buffer.alloc(32).toString("base64")])
      assert.equal(other.take(wrong, seal!), false);
    assert.equal(other.take(scene.sealing.secret, seal!), true);
    assert.deepEqual(await other.read(scene.store, 10), await scene.sealing.read(scene.store, 10));
  });

  for (const [what, spoil] of Object.entries({
    swapped: (lies: Buffer) =>
      Buffer.concat([
        lies.subarray(pieceBytes, 2 * pieceBytes),
        lies.subarray(0, pieceBytes),
        lies.subarray(2 * pieceBytes),
      ]),
    repeated: (lies: Buffer) => Buffer.concat([lies.subarray(pieceBytes, 2 * pieceBytes), lies.subarray(pieceBytes)]),
    cut: (lies: Buffer) => Buffer.concat([lies.subarray(0, 5000), Buffer.alloc(pieceBytes), lies.subarray(5000)]),
  })) {
    test(`${what} pieces do not open, even if a manifest vouched for them; the cause is said`, async () => {
      const said: string[] = [];
      const scene = await new Scene(() => whole()).open();
      await scene.fetch();
      const reader = new Sealing(task, { onBroken: (message) => said.push(message) });
      reader.take(scene.sealing.secret, scene.store.object!.seal!);
      const lies = spoil(Buffer.from(scene.disk.bytesOf("/content")!));
      await scene.store.content.write(lies.subarray(0, scene.disk.bytesOf("/content")!.length), 0);
      const first = what === "cut" ? 1 : 0;
      await assert.rejects(reader.read(scene.store, first), (error: DarnerError) => error.code === "seal.broken");
      assert.match(said[0]!, /sealed for another task, place or length/);
    });
  }
});
