/** Objects beyond 2^31 and 2^32 bytes, in sparse files on the real disk: places, lengths, journal, memory. */

import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { bytesEqual } from "#base/mod.ts";
import { pieceCount, pieceSpan } from "#core/model/mod.ts";
import { sha256 } from "#platform/keys/digest.ts";
import { createNodeDisk } from "#platform/files/disk.node.ts";
import { loadNative } from "#platform/native/calls.node.ts";
import { PieceFile } from "./piece-file.ts";
import { verifyStore } from "./upkeep.ts";

const disk = createNodeDisk(loadNative());
const boot = new Uint8Array(8).fill(1);
const directory = mkdtempSync(join(tmpdir(), "darner-big-"));
after(() => rmSync(directory, { recursive: true }));

async function openIn(name: string): Promise<PieceFile> {
  const folder = `${directory}/tasks/${name}/g`;
  await disk.makeDirectory(folder);
  const content = await disk.open(`${folder}/content`, "keep");
  return await PieceFile.open({ content, journal: await disk.open(`${folder}/journal`, "keep"), boot });
}

/** Bytes that follow from their index; each piece is unlike the others. */
function pieceOf(index: number, lengthBytes: number): Uint8Array {
  const { start, end } = pieceSpan(index, lengthBytes, pieceBytes);
  const bytes = new Uint8Array(end - start).fill((index % 255) + 1);
  new DataView(bytes.buffer).setUint8(0, index & 0xff);
  return bytes;
}

const edges = [2 ** 31, 2 ** 32, 2 ** 35];
const pieceBytes = 65_536;

describe("an object beyond", () => {
  for (const edge of edges) {
    for (const lengthBytes of [edge - 1, edge, edge + 1]) {
      test(`2^${Math.log2(edge)}: ${lengthBytes} bytes`, async () => {
        const name = String(lengthBytes);
        const count = pieceCount(lengthBytes, pieceBytes);
        // Each edge that lies within, with the pieces on both of its sides, and the last piece.
        const wanted = new Set([0, count - 1]);
        for (const within of edges.filter((place) => place <= lengthBytes)) {
          for (const index of [within / pieceBytes - 1, within / pieceBytes]) if (index < count) wanted.add(index);
        }
        const file = await openIn(name);
        await file.begin({ kind: "object", url: "http://o/", generation: "g", pieceBytes, lengthBytes });
        for (const index of wanted) {
          const bytes = pieceOf(index, lengthBytes);
          await file.put(index, bytes, sha256(bytes));
        }
        await file.close();

        const again = await openIn(name);
        assert.deepEqual(
          [...again.have.indices()],
          [...wanted].sort((a, b) => a - b),
        );
        assert.equal(again.lengthBytes, lengthBytes);
        assert.equal((await again.content.identity()).sizeBytes, lengthBytes);
        for (const index of wanted) {
          const expected = pieceOf(index, lengthBytes);
          const bytes = new Uint8Array(expected.length);
          await again.read(index, bytes);
          assert.ok(bytesEqual(bytes, expected), `piece ${index}`);
        }
        const spaceBytes = (await again.content.identity()).spaceBytes;
        assert.ok(spaceBytes <= wanted.size * pieceBytes + 65_536, `${spaceBytes} bytes on the disk`);
        await again.close();
      });
    }
  }

  test("verify reads all of them, and finds what is spoiled behind 2^32", async () => {
    const name = String(2 ** 35 + 1);
    const file = await openIn(name);
    await file.content.write(Uint8Array.of(99), 2 ** 35 - 5);
    await file.close();
    const found: string[] = [];
    for await (const { task, spoiled } of verifyStore({ disk, directory, boot, dryRun: false })) {
      if (spoiled !== 0) found.push(`${task}: ${spoiled}`);
    }
    assert.deepEqual(found, [`${name}: 1`]);
  });
});

test("the journal and the memory of as many pieces as an object has are small; all zeros take no space", async () => {
  const count = 16_384;
  const lengthBytes = count * pieceBytes;
  const zeros = new Uint8Array(pieceBytes);
  const digest = sha256(zeros);
  const file = await openIn("zeros");
  await file.begin({ kind: "object", url: "http://o/", generation: "g", pieceBytes, lengthBytes });
  for (let index = 0; index < count; index += 64) {
    await Promise.all(Array.from({ length: 64 }, (_, more) => file.put(index + more, zeros, digest)));
  }
  await file.finish(lengthBytes, []);
  await file.close();
  const before = process.memoryUsage();
  const again = await openIn("zeros");
  const grown = process.memoryUsage();
  assert.equal(again.end?.lengthBytes, lengthBytes);
  const { sizeBytes } = (await disk.stat(`${directory}/tasks/zeros/g/journal`))!;
  assert.ok(sizeBytes <= 64 * count, `${sizeBytes} bytes of journal`);
  const memory = grown.heapUsed + grown.arrayBuffers - before.heapUsed - before.arrayBuffers;
  assert.ok(memory < 32 * 2 ** 20, `${memory} bytes of memory`);
  assert.equal((await again.content.identity()).spaceBytes, 0);
  await again.close();
});
