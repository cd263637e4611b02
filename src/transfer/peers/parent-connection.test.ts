/** The child's end of the piece plane, fed with frames cut anywhere, and with what is no frame. */

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { bytesJoin, type Bitfield } from "#base/mod.ts";
import { encodeFrame, encodeIndices, frameType } from "#core/protocol/mod.ts";
import { SimClock } from "#platform/machine/clock.sim.ts";
import { MemoryConnection, pour } from "../../../test/memory-network.ts";
import { Limiter } from "../limits/mod.ts";
import { ParentConnection, type ChannelHandlers } from "./parent-connection.ts";

/** A child with one channel that writes down what it hears. */
function newChild(pieceBytesMax = Infinity) {
  const clock = new SimClock();
  const parent = new ParentConnection(new Limiter(clock, Infinity), clock);
  const connection = new MemoryConnection(clock, "parent", (bytes) => bytes);
  parent.attach(connection);
  const heard: string[] = [];
  let pieceBytesHeard = 0;
  const handlers: ChannelHandlers = {
    onOpened: (pieces: Bitfield) => void heard.push(`opened ${[...pieces.indices()].join()} of ${pieces.length}`),
    onHave: (indices) => void heard.push(`have ${indices.join()}`),
    onPieceStart: (_, lengthBytes) => (lengthBytes > pieceBytesMax ? undefined : new Uint8Array(lengthBytes)),
    onPieceBytes: (count) => void (pieceBytesHeard += count),
    onPiece: (index, bytes) => void heard.push(`piece ${index} ${Buffer.from(bytes).toString("hex")}`),
    onCancelled: (indices) => void heard.push(`cancelled ${indices.join()}`),
    onClosed: (reason) => void heard.push(`closed: ${reason}`),
  };
  const channel = parent.open({ task: "t", generation: "g" }, handlers);
  return { clock, parent, connection, heard, channel, pieceBytesHeard: () => pieceBytesHeard };
}

const anyFrame = fc.oneof(
  fc.record({
    type: fc.constant(frameType.piece),
    argument: fc.nat(50),
    payload: fc.uint8Array({ minLength: 1, maxLength: 9000 }),
  }),
  fc.record({
    type: fc.constantFrom(frameType.have, frameType.cancelled, 99),
    argument: fc.constant(0),
    payload: fc.array(fc.nat(1000), { maxLength: 1500 }).map(encodeIndices),
  }),
);

describe("a connection to a parent", () => {
  test("property: frames of any size, cut anywhere, are heard as they were sent", () => {
    fc.assert(
      fc.property(
        fc.array(anyFrame, { maxLength: 8 }),
        fc.array(fc.integer({ min: 1, max: 6000 }), { minLength: 1 }),
        (frames, cuts) => {
          const { parent, connection, heard, channel, pieceBytesHeard } = newChild();
          const bytes = bytesJoin(
            frames.map((frame) => encodeFrame(frame.type, channel, frame.argument, frame.payload)),
          );
          for (let at = 0, turn = 0; at < bytes.length; turn++) {
            const step = cuts[turn % cuts.length]!;
            assert.ok(parent.lowWaterBytes() >= 1);
            pour(bytes.subarray(at, at + step), parent);
            at += step;
          }
          const expected = frames.flatMap(({ type, argument, payload }) => {
            if (type === frameType.piece) return [`piece ${argument} ${Buffer.from(payload).toString("hex")}`];
            const view = new DataView(payload.buffer, payload.byteOffset);
            const indices = Array.from({ length: payload.length / 4 }, (_, at) => view.getUint32(at * 4)).join();
            return type === 99 ? [] : [`${type === frameType.have ? "have" : "cancelled"} ${indices}`];
          });
          assert.deepEqual(heard, expected);
          const pieceBytes = frames
            .filter(({ type }) => type === frameType.piece)
            .reduce((sum, { payload }) => sum + payload.length, 0);
          assert.equal(pieceBytesHeard(), pieceBytes);
          assert.equal(connection.closed, false);
        },
      ),
    );
  });

  test("a low-water mark never asks for more than is still to come", () => {
    const { parent, channel } = newChild();
    const frame = encodeFrame(frameType.piece, channel, 0, new Uint8Array(100_000));
    pour(frame.subarray(0, 20_016), parent);
    for (let at = 20_016; at < frame.length; at += 7_000) {
      assert.ok(parent.lowWaterBytes() <= frame.length - at);
      pour(frame.subarray(at, at + 7_000), parent);
    }
    assert.equal(parent.lowWaterBytes(), 1);
  });

  test("the mark follows the pace: few reads on a fast connection, none too long in coming on a slow one", () => {
    const { clock, parent, channel } = newChild();
    const frame = encodeFrame(frameType.piece, channel, 0, new Uint8Array(4_000_000));
    pour(frame.subarray(0, 16), parent);
    let at = 16;
    const readsAt = (bytesPerSecond: number, seconds: number): number => {
      let reads = 0;
      for (const endMs = clock.nowMs() + seconds * 1000; clock.nowMs() < endMs; reads++) {
        const count = parent.lowWaterBytes();
        clock.advance((count / bytesPerSecond) * 1000);
        pour(frame.subarray(at, at + count), parent);
        at += count;
      }
      return reads;
    };
    readsAt(750_000, 1);
    assert.ok(readsAt(750_000, 2) <= 12);
    readsAt(20_000, 10);
    assert.ok(readsAt(20_000, 10) >= 10);
  });

  test("property: any bytes at all end the connection or are skipped, never an exception", () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 200 }), { maxLength: 10 }), (parts) => {
        const { parent, connection } = newChild(10_000);
        for (const part of parts) if (!connection.closed) pour(part, parent);
      }),
    );
  });

  test("a piece that is not wanted in that length breaks the connection, so does one without bytes", () => {
    for (const payload of [new Uint8Array(101), new Uint8Array(0)]) {
      const { parent, connection, channel } = newChild(100);
      pour(encodeFrame(frameType.piece, channel, 0, payload), parent);
      assert.equal(connection.closed, true);
    }
  });

  test("a task that was left in the middle of a piece hears no more; the connection goes on", () => {
    const { parent, connection, heard, channel } = newChild();
    const piece = encodeFrame(frameType.piece, channel, 3, new Uint8Array(5000));
    pour(piece.subarray(0, 2000), parent);
    parent.leave(channel, 7);
    pour(piece.subarray(2000), parent);
    pour(encodeFrame(frameType.piece, channel, 4, new Uint8Array(5000)), parent);
    assert.deepEqual(heard, []);
    assert.equal(parent.idleSinceMs, 7);
    assert.equal(connection.closed, false);
    parent.ended("over");
  });

  test("opened, closed and the end of the connection are heard once", () => {
    const { parent, heard, channel } = newChild();
    pour(encodeFrame(frameType.opened, channel, 12, Uint8Array.of(0x80, 0x10)), parent);
    pour(encodeFrame(frameType.closed, channel, 0, new TextEncoder().encode("{}")), parent);
    parent.ended("over");
    assert.deepEqual(heard, ["opened 0,11 of 12", "closed: the parent closed the task"]);
  });
});
