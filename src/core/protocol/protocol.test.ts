/** Frames: what is written is read, however it is cut; what is too large or no frame breaks nothing else. */

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { bytesJoin } from "#base/mod.ts";
import { FrameReader, type Frame } from "./frame-reader.ts";
import {
  decodeIndices,
  decodeJson,
  encodeFrame,
  encodeIndices,
  encodeJsonFrame,
  frameHeaderBytes,
  framePayloadBytesMax,
  frameType,
  readFrameHeader,
  writeFrameHeader,
} from "./frame.ts";

const u32 = fc.integer({ min: 0, max: 2 ** 32 - 1 });
const anyFrame = fc.record(
  { type: fc.integer({ min: 0, max: 255 }), channel: u32, argument: u32, payload: fc.uint8Array({ maxLength: 200 }) },
  { noNullPrototype: true },
);
type PlainFrame = typeof anyFrame extends fc.Arbitrary<infer F> ? F : never;

const encode = (frame: PlainFrame): Uint8Array => encodeFrame(frame.type, frame.channel, frame.argument, frame.payload);
const plain = ({ type, channel, argument, payload }: Frame): PlainFrame => ({
  type,
  channel,
  argument,
  payload: payload.slice(),
});

/** Pushes `bytes` cut at the given shares of what is left. */
function readCut(bytes: Uint8Array, cuts: readonly number[]): PlainFrame[] {
  const reader = new FrameReader();
  const frames: PlainFrame[] = [];
  const push = (part: Uint8Array): void => {
    const found = reader.push(part);
    assert.ok(found !== "oversized");
    frames.push(...found.map(plain));
  };
  let rest = bytes;
  for (const cut of cuts) {
    push(rest.subarray(0, cut % (rest.length + 1)));
    rest = rest.subarray(cut % (rest.length + 1));
  }
  push(rest);
  return frames;
}

describe("frames", () => {
  test("property: what is written is read back, cut anywhere", () => {
    fc.assert(
      fc.property(fc.array(anyFrame, { maxLength: 10 }), fc.array(fc.nat(300), { maxLength: 30 }), (frames, cuts) => {
        assert.deepEqual(readCut(bytesJoin(frames.map(encode)), cuts), frames);
      }),
    );
  });

  test("byte by byte, and with a reader that starts within a larger buffer", () => {
    const frames = [
      encodeFrame(frameType.want, 7, 99, encodeIndices([1, 2])),
      encodeFrame(frameType.close, 7, 0, new Uint8Array(0)),
    ];
    const bytes = bytesJoin([new Uint8Array(5), ...frames]).subarray(5);
    const read = readCut(
      bytes,
      Array.from(bytes, () => 1),
    );
    assert.deepEqual(
      read.map((frame) => [frame.type, frame.channel, frame.argument]),
      [
        [frameType.want, 7, 99],
        [frameType.close, 7, 0],
      ],
    );
    assert.deepEqual(decodeIndices(read[0]!.payload), [1, 2]);
  });

  test("the layout is the one that is written down", () => {
    assert.equal(
      Buffer.from(encodeFrame(33, 0x01020304, 0x0a0b0c0d, Uint8Array.of(0xee))).toString("hex"),
      "21000000010203040a0b0c0d00000001ee",
    );
    const into = new Uint8Array(40);
    const header = { type: 255, channel: 2 ** 32 - 1, argument: 2 ** 32 - 1, payloadBytes: 2 ** 32 - 1 };
    writeFrameHeader(into, 20, header);
    assert.deepEqual(readFrameHeader(into, 20), header);
  });

  test("a payload at the limit is read; one byte more breaks the connection, before a byte of it came", () => {
    const reader = new FrameReader();
    const head = (payloadBytes: number): Uint8Array => {
      const bytes = new Uint8Array(frameHeaderBytes);
      writeFrameHeader(bytes, 0, { type: 1, channel: 0, argument: 0, payloadBytes });
      return bytes;
    };
    assert.deepEqual(reader.push(head(framePayloadBytesMax)), []);
    const frames = reader.push(new Uint8Array(framePayloadBytesMax));
    assert.ok(frames !== "oversized" && frames[0]!.payload.length === framePayloadBytesMax);
    assert.equal(reader.push(head(framePayloadBytesMax + 1)), "oversized");
  });

  test("property: any bytes at all give frames or a broken connection, never an exception", () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 100 }), { maxLength: 20 }), (parts) => {
        const reader = new FrameReader();
        for (const part of parts) {
          const frames = reader.push(part);
          if (frames === "oversized") return;
          for (const frame of frames) {
            decodeIndices(frame.payload);
            decodeJson(frame.payload);
          }
        }
      }),
    );
  });
});

describe("payloads", () => {
  test("property: indices and JSON are read back", () => {
    fc.assert(
      fc.property(fc.array(u32), (indices) => assert.deepEqual(decodeIndices(encodeIndices(indices)), indices)),
    );
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        const frame = encodeJsonFrame(frameType.message, 0, value);
        assert.deepEqual(decodeJson(frame.subarray(frameHeaderBytes)), JSON.parse(JSON.stringify(value)));
      }),
    );
  });

  test("an odd tail of a list is ignored; what is no JSON, or no UTF-8, is undefined", () => {
    assert.deepEqual(decodeIndices(Uint8Array.of(0, 0, 0, 5, 1, 2)), [5]);
    assert.equal(decodeJson(new TextEncoder().encode("{")), undefined);
    assert.equal(decodeJson(Uint8Array.of(0x22, 0xff, 0x22)), undefined);
  });
});
