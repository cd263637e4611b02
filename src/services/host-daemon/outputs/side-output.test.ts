/** An output that is written beside a sealed store: clear, checked, of one generation, and whole at the end. */

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { DarnerError } from "#base/mod.ts";
import { clearPieceLength, sealBytes, sealedLength } from "#core/model/mod.ts";
import { sha256 } from "#platform/keys/digest.ts";
import { SimDisk } from "#platform/files/disk.sim.ts";
import { nodeRandom } from "#platform/machine/random.node.ts";
import { PieceFile } from "#storage/pieces/mod.ts";
import { Sealing } from "#transfer/mod.ts";
import { putBeside } from "../tasks/mod.ts";
import { SideOutput } from "./side-output.ts";

const pieceBytes = 1024;
const clearBytes = clearPieceLength(pieceBytes);
const pieces = 5;
const content = Uint8Array.from(
  { length: pieces * clearBytes - 100 },
  (_, index) => (index * 13 + (index >> 8)) & 0xff,
);
const whole = { start: 0, end: content.length };

async function scene(before: ConstructorParameters<typeof SimDisk>[0] = {}) {
  const disk = new SimDisk(before);
  const store = await PieceFile.open({
    content: await disk.open("/content", "keep"),
    journal: await disk.open("/journal", "keep"),
    boot: new Uint8Array(8),
  });
  const said: string[] = [];
  const sealing = new Sealing("5e".repeat(32), { onBroken: (message) => said.push(message) });
  const begin = async (generation: string): Promise<void> => {
    const seal = sealing.renew(nodeRandom, "v", content.length);
    const lengthBytes = sealedLength(content.length, pieceBytes);
    await store.begin({ kind: "object", url: "", generation, pieceBytes, lengthBytes, seal });
  };
  await begin("g1");
  const side = new SideOutput(await disk.open("/out", "keep"), () => false);
  const outputs = new Set([side]);
  const task = { store, sealing, outputs, spoiled: (index: number) => store.drop(index) };
  const sealed = (index: number): Uint8Array =>
    sealing.seal(store.object!, index, content.subarray(index * clearBytes, (index + 1) * clearBytes));
  /** As a transfer does it: stored, then opened in the buffer that it came in. */
  const comes = async (index: number, bytes = sealed(index)): Promise<void> => {
    await store.put(index, bytes, sha256(bytes));
    await putBeside(task, index, bytes);
  };
  return { disk, store, task, side, outputs, begin, sealed, comes, said, out: () => disk.bytesOf("/out")! };
}

describe("an output beside the store", () => {
  test("has each piece as it comes, in any order; the store keeps the sealed ones", async () => {
    const { comes, side, task, out, disk } = await scene();
    for (const index of [3, 0, 4, 1]) await comes(index);
    assert.deepEqual(out().subarray(3 * clearBytes, 4 * clearBytes), content.subarray(3 * clearBytes, 4 * clearBytes));
    await comes(2);
    await side.complete(task, whole);
    assert.deepEqual(Buffer.from(out()), Buffer.from(content));
    assert.equal(disk.bytesOf("/content")!.length, content.length + pieces * sealBytes);
    assert.ok(!Buffer.from(disk.bytesOf("/content")!).includes(content.subarray(0, 32)));
  });

  test("gets at the end what was in the store before, or what came before it was there", async () => {
    for (const early of [[0, 2], [0, 1, 2, 3, 4], []]) {
      const { comes, side, task, outputs, out } = await scene();
      outputs.clear();
      for (const index of early) await comes(index);
      outputs.add(side);
      for (const index of [0, 1, 2, 3, 4]) if (!early.includes(index)) await comes(index);
      await side.complete(task, whole);
      assert.deepEqual(Buffer.from(out()), Buffer.from(content), `with ${early.length} from before`);
    }
  });

  test("begins from nothing when another generation comes", async () => {
    const { comes, begin, side, task, out } = await scene();
    await comes(0);
    await comes(1);
    await begin("g2");
    await comes(4);
    assert.ok(
      out()
        .subarray(0, clearBytes)
        .every((byte) => byte === 0),
      "nothing of the old one is left",
    );
    for (const index of [0, 1, 2, 3]) await comes(index);
    await side.complete(task, whole);
    assert.deepEqual(Buffer.from(out()), Buffer.from(content));
  });

  test("gets no byte of a piece whose seal does not hold, whoever vouches for it; the cause is said", async () => {
    const { comes, sealed, said, out } = await scene();
    await comes(0);
    const swapped = sealed(2);
    await assert.rejects(comes(1, swapped), (error: DarnerError) => error.code === "seal.broken");
    assert.match(said[0]!, /cannot open piece 1 .* sealed for another task, place or length/);
    assert.ok(
      out()
        .subarray(clearBytes)
        .every((byte) => byte === 0),
    );
  });

  test("whose disk is full says so at its end, and only to its own client", async () => {
    const { comes, side, task, store } = await scene({
      before(verb, path) {
        if (verb === "write" && path === "/out") throw new DarnerError("disk.full", "no space");
      },
    });
    for (let index = 0; index < pieces; index++) await comes(index);
    assert.ok(store.have.full, "the object goes on");
    await assert.rejects(side.complete(task, whole), (error: DarnerError) => error.code === "disk.full");
  });

  test("that was let go of is written to no more", async () => {
    const { comes, side, out } = await scene();
    await comes(0);
    await side.settled();
    await comes(1);
    assert.ok(
      out()
        .subarray(clearBytes)
        .every((byte) => byte === 0),
    );
  });
});
