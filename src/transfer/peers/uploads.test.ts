/** The parent's end of the piece plane under children that say anything at all. */

import assert from "node:assert/strict";
import { DarnerError } from "#base/mod.ts";
import { describe, test } from "node:test";
import fc from "fast-check";
import {
  encodeFrame,
  encodeIndices,
  encodeJsonFrame,
  FrameReader,
  frameType,
  decodeIndices,
} from "#core/protocol/mod.ts";
import { SimClock } from "#platform/machine/clock.sim.ts";
import { sha256 } from "#platform/keys/digest.ts";
import { SimDisk } from "#platform/files/disk.sim.ts";
import { silentLog } from "#platform/telemetry/log.ts";
import { PieceFile } from "#storage/pieces/mod.ts";
import { MemoryConnection } from "../../../test/memory-network.ts";
import { Limiter } from "../limits/mod.ts";
import { Uploads } from "./uploads.ts";

async function newParent(slots = 2) {
  const clock = new SimClock();
  const broken = { reads: false };
  const disk = new SimDisk({
    before(verb, path) {
      if (broken.reads && verb === "read" && path === "/content") throw new DarnerError("disk.failed", "EIO");
    },
  });
  const journal = await disk.open("/journal", "keep");
  const store = await PieceFile.open({
    content: await disk.open("/content", "keep"),
    journal,
    boot: new Uint8Array(8),
    clock,
  });
  await store.begin({ kind: "object", url: "", generation: "g", pieceBytes: 10, lengthBytes: 45 });
  const put = async (index: number): Promise<void> => {
    const bytes = new Uint8Array(index === 4 ? 5 : 10).fill(index);
    await store.put(index, bytes, sha256(bytes));
  };
  for (const index of [0, 1, 4]) await put(index);
  await store.flush();
  const limiter = new Limiter(clock, Infinity);
  const uploads = new Uploads({
    clock,
    log: silentLog,
    limiter,
    slots,
    refusal: () => null,
    trust: false,
  });
  const unreadable: number[] = [];
  uploads.serve({ task: "t", generation: "g", store, onUnreadable: (index) => unreadable.push(index) });
  const child = () => {
    const connection = new MemoryConnection(clock, "child", (bytes) => bytes);
    const accepted = uploads.accept(connection, "h", "n");
    connection.onClose = () => accepted.ended();
    /** What the child was sent, in words. */
    const heard = (): string[] => {
      const reader = new FrameReader();
      const words: string[] = [];
      for (const bytes of connection.sent) {
        const frames = reader.push(bytes);
        assert.ok(frames !== "oversized");
        for (const { type, channel, argument, payload } of frames) {
          const name = Object.entries(frameType).find(([, number]) => number === type)![0];
          const list = name === "have" || name === "cancelled" ? decodeIndices(payload).join() : "";
          words.push(`${name} ${channel} ${name === "piece" ? `${argument} (${payload.length})` : list}`.trim());
        }
      }
      return words;
    };
    const say = (type: number, channel: number, payload: Uint8Array, argument = 0): void =>
      accepted.received(encodeFrame(type, channel, argument, payload));
    const openTask = (channel: number, task = "t"): void =>
      accepted.received(encodeJsonFrame(frameType.open, channel, { task, generation: "g" }));
    return { connection, accepted, heard, say, openTask };
  };
  return { clock, store, uploads, put, child, broken, unreadable };
}

describe("uploads", () => {
  test("what is here is sent, what is not is refused, news is told, a last piece has its own length", async () => {
    const { clock, uploads, put, child } = await newParent();
    const { heard, say, openTask } = child();
    openTask(1);
    openTask(2, "another");
    say(frameType.want, 1, encodeIndices([0, 2, 4, 99]), 7);
    await clock.settle(100);
    await put(2);
    uploads.pieceStored("t", "g", 2);
    await clock.settle(100);
    say(frameType.want, 1, encodeIndices([2]));
    await clock.settle(100);
    const expected = [
      "opened 1",
      "closed 2",
      "cancelled 1 2,99",
      "piece 1 0 (10)",
      "piece 1 4 (5)",
      "have 1 2",
      "piece 1 2 (10)",
    ];
    assert.deepEqual(heard(), expected);
    assert.equal(uploads.bytesOf("t", "g"), 25);
    assert.equal(uploads.active, 0);
  });

  test("a task that is withdrawn before a piece is on its way leaves the connection to others", async () => {
    const { clock, store, uploads, child, unreadable } = await newParent();
    const { connection, heard, say, openTask } = child();
    openTask(1);
    uploads.guard("t", "g", async () => {
      uploads.withdraw("t", "g", "it was dropped");
      await store.close();
      return true;
    });
    say(frameType.want, 1, encodeIndices([0]), 7);
    await clock.settle(100);
    assert.deepEqual(heard(), ["opened 1", "closed 1"]);
    assert.equal(connection.closed, false);
    assert.deepEqual(unreadable, []);
    assert.equal(uploads.active, 0);
  });

  test("a piece that cannot be read cuts its connection and is told of; the task is served on", async () => {
    const { clock, child, broken, unreadable } = await newParent();
    const first = child();
    first.openTask(1);
    broken.reads = true;
    first.say(frameType.want, 1, encodeIndices([1]));
    await clock.settle(100);
    assert.ok(first.connection.closed);
    assert.deepEqual(unreadable, [1]);
    broken.reads = false;
    const second = child();
    second.openTask(1);
    second.say(frameType.want, 1, encodeIndices([0]));
    await clock.settle(100);
    assert.deepEqual(second.heard(), ["opened 1", "piece 1 0 (10)"]);
  });

  test("a want that waits is given back when asked, one under way comes; nothing follows a close", async () => {
    const { clock, child } = await newParent();
    const { heard, say, openTask } = child();
    openTask(1);
    say(frameType.want, 1, encodeIndices([0, 1, 4]));
    say(frameType.cancel, 1, encodeIndices([0, 4]));
    await clock.settle(1);
    say(frameType.close, 1, new Uint8Array(0));
    say(frameType.want, 1, encodeIndices([1]));
    await clock.settle(100);
    assert.deepEqual(heard(), ["opened 1", "cancelled 1 4", "piece 1 0 (10)"]);
  });

  test("no more pieces under way than slots; a connection that ends frees its own", async () => {
    const { clock, uploads, child } = await newParent(2);
    const children = [child(), child(), child()];
    for (const { openTask, say } of children) {
      openTask(1);
      say(frameType.want, 1, encodeIndices([0, 1]));
    }
    assert.equal(uploads.active, 2);
    children[0]!.connection.close();
    await clock.settle(100);
    assert.equal(uploads.connections, 2);
    assert.equal(children[2]!.heard().filter((word) => word.startsWith("piece")).length, 2);
    assert.equal(uploads.active, 0);
    uploads.close();
    await clock.settle(10);
    assert.deepEqual([uploads.connections, clock.pending], [0, 0]);
  });

  test("property: whatever a child says, nothing is thrown and nothing stays under way", async () => {
    const payload = fc.oneof(
      fc.uint8Array({ maxLength: 30 }),
      fc.array(fc.nat(6), { maxLength: 6 }).map(encodeIndices),
      fc
        .constantFrom('{"task":"t","generation":"g"}', '{"task":1}', "null", "[]", '{"publicKey":"x","signature":"y"}')
        .map((text) => Buffer.from(text)),
    );
    const frame = fc.record({ type: fc.constantFrom(...Object.values(frameType), 77), channel: fc.nat(3), payload });
    await fc.assert(
      fc.asyncProperty(fc.array(frame, { maxLength: 25 }), async (frames) => {
        const { clock, uploads, child } = await newParent();
        const { connection, say, heard, openTask } = child();
        openTask(1);
        for (const { type, channel, payload } of frames) {
          if (!connection.closed) say(type, channel, payload);
          if (channel === 0) await clock.settle(1);
        }
        await clock.settle(200);
        assert.equal(uploads.active, 0);
        heard();
      }),
      { numRuns: 60 },
    );
  });
});
