/** Pieces out of a body: whatever comes in whatever portions, they are the object's. */

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { DarnerError } from "#base/mod.ts";
import { ChunkFiller } from "#platform/http-client/chunk-filler.ts";
import type { Flow } from "#platform/http-client/client.ts";
import { PieceReader, type PieceReaderOptions } from "./piece-reader.ts";

async function* portions(object: Uint8Array, cuts: readonly number[], failAt = Infinity): AsyncGenerator<Uint8Array> {
  for (let at = 0, turn = 0; at < object.length;) {
    if (at >= failAt) throw new DarnerError("network.broken", "cut");
    const chunk = object.subarray(at, at + cuts[turn++ % cuts.length]!);
    at += chunk.length;
    yield chunk;
  }
}

function readerOf(chunks: AsyncIterable<Uint8Array>, options: Partial<PieceReaderOptions>): PieceReader {
  const filler = new ChunkFiller(chunks);
  const flow: Flow = { stepBytesMax: 7, passed: (count) => (count === 7 ? Promise.resolve() : undefined) };
  const body = {
    readInto: (into: Uint8Array, by: Flow) => filler.readInto(into, by),
    close: () => undefined,
    [Symbol.asyncIterator]: () => chunks[Symbol.asyncIterator](),
  };
  return new PieceReader({
    body,
    start: 0,
    pieceBytes: 10,
    lengthBytes: undefined,
    end: () => Infinity,
    flow,
    ...options,
  });
}

async function drain(reader: PieceReader): Promise<{ indices: number[]; bytes: number[] }> {
  const indices: number[] = [];
  const bytes: number[] = [];
  for (let piece = await reader.next(); piece !== undefined; piece = await reader.next()) {
    indices.push(piece.index);
    bytes.push(...piece.bytes);
    // The buffer is another piece's from now on.
    piece.bytes.fill(0xee);
    reader.giveBack(piece.bytes);
  }
  return { indices, bytes };
}

describe("pieces out of a body", () => {
  test("property: however the portions fall, the pieces are the object's, its length known or not", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.uint8Array({ maxLength: 200 }),
        fc.integer({ min: 1, max: 30 }),
        fc.boolean(),
        fc.array(fc.integer({ min: 1, max: 50 }), { minLength: 1 }),
        async (object, pieceBytes, known, cuts) => {
          const count = Math.ceil(object.length / pieceBytes);
          const lengths = known ? { lengthBytes: object.length, end: () => count } : {};
          const reader = readerOf(portions(object, cuts), { pieceBytes, ...lengths });
          const { indices, bytes } = await drain(reader);
          assert.deepEqual(bytes, [...object]);
          assert.deepEqual(indices, [...Array(count).keys()]);
          assert.equal(reader.position, object.length);
          assert.equal(reader.ended, !known);
        },
      ),
    );
  });

  test("what lies before the window is passed over; the piece after the last one wanted is not read", async () => {
    const object = Uint8Array.from({ length: 100 }, (_, index) => index);
    const reader = readerOf(portions(object, [13]), { start: -25, lengthBytes: 60, end: () => 4 });
    const { indices, bytes } = await drain(reader);
    assert.deepEqual(indices, [0, 1, 2, 3]);
    assert.deepEqual(bytes, [...object.subarray(25, 65)]);
  });

  test("a body that ends early ends the pieces; one that fails fails the piece it was in", async () => {
    const object = new Uint8Array(35);
    const short = readerOf(portions(object, [8]), { lengthBytes: 60, end: () => 6 });
    assert.deepEqual((await drain(short)).indices, [0, 1, 2]);
    assert.deepEqual([short.ended, short.position], [true, 35]);
    const broken = readerOf(portions(object, [8], 16), { lengthBytes: 35, end: () => 4 });
    assert.equal((await broken.next())?.index, 0);
    await assert.rejects(broken.next(), { code: "network.broken" });
  });
});
