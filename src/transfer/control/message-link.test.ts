/** The control plane's link: messages both ways, and its end when the other side is dead, deaf or no Darner. */

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { encodeFrame, encodeJsonFrame, frameType } from "#core/protocol/mod.ts";
import { SimClock } from "#platform/machine/clock.sim.ts";
import { MemoryConnection } from "../../../test/memory-network.ts";
import { MessageLink, sameForAll } from "./message-link.ts";

interface Said {
  readonly kind: string;
}

function readSaid(value: unknown): Said | "unknown" | "malformed" {
  if (typeof value !== "object" || value === null || !("kind" in value)) return "malformed";
  return typeof value.kind === "string" ? (value as Said) : "malformed";
}

function newLinks() {
  const clock = new SimClock();
  const ends = [0, 1].map(() => {
    const heard: Said[] = [];
    const link = new MessageLink<Said, Said>(clock, readSaid, (message) => void heard.push(message));
    const connection = new MemoryConnection(clock, "other", () => 3);
    connection.receive = (bytes) => link.received(bytes);
    connection.onClose = () => link.ended();
    return { heard, link, connection };
  });
  const [near, far] = [ends[0]!, ends[1]!];
  near.connection.peer = far.connection;
  far.connection.peer = near.connection;
  near.link.attach(near.connection);
  far.link.attach(far.connection);
  return { clock, near, far };
}

describe("a message link", () => {
  test("messages arrive whole and in order; a quiet link stays open", () => {
    const { clock, near, far } = newLinks();
    near.link.send({ kind: "one" });
    near.link.send({ kind: "two" });
    far.link.send({ kind: "three" });
    clock.advance(60_000);
    assert.deepEqual(far.heard, [{ kind: "one" }, { kind: "two" }]);
    assert.deepEqual(near.heard, [{ kind: "three" }]);
    assert.ok(near.link.open && far.link.open);
    near.link.close();
    clock.advance(10);
    assert.ok(!near.link.open && !far.link.open);
    assert.equal(clock.pending, 0);
  });

  test("only a quiet side says that it lives", () => {
    const { clock, near, far } = newLinks();
    for (let second = 0; second < 60; second++) {
      clock.advance(1_000);
      near.link.send({ kind: "news" });
    }
    clock.advance(10);
    assert.equal(near.connection.sent.length, far.heard.length);
    assert.equal(far.connection.sent.length, 20);
    assert.ok(near.link.open && far.link.open);
  });

  test("what goes to many is encoded once", () => {
    const { near, far } = newLinks();
    let encodings = 0;
    const message = { kind: "to all", toJSON: () => ({ kind: "to all", encodings: ++encodings }) };
    near.link.send(message);
    sameForAll(message);
    for (const { link } of [near, far, near]) link.send(message);
    assert.equal(encodings, 2);
    assert.deepEqual(far.connection.sent[0], near.connection.sent.at(-1));
  });

  test("a side that hears nothing takes the other for dead", () => {
    const { clock, near, far } = newLinks();
    far.connection.silent = true;
    near.connection.silent = true;
    clock.advance(30_000);
    assert.ok(!near.link.open && !far.link.open);
  });

  test("a side that had no time itself reads what came before it gives the other up", () => {
    const { clock, near, far } = newLinks();
    clock.advance(1_000);
    // Nine seconds pass in which neither a timer fires nor a byte is read.
    clock.nowMs = () => SimClock.prototype.nowMs.call(clock) + 9_000;
    clock.advance(10_000);
    assert.ok(near.link.open && far.link.open);
    assert.ok(far.connection.sent.length > 2);
  });

  test("what is no message ends the link; frames and kinds of newer versions do not", () => {
    for (const [bytes, stays] of [
      [encodeFrame(200, 0, 0, new Uint8Array(3)), true],
      [encodeJsonFrame(frameType.message, 0, { kind: "of a newer version" }), true],
      [encodeJsonFrame(frameType.message, 0, ["no kind"]), false],
      [encodeJsonFrame(frameType.message, 0, null), false],
      [encodeFrame(frameType.message, 0, 0, Uint8Array.of(0x7b)), false],
      [Uint8Array.of(1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff), false],
    ] as const) {
      const { clock, near, far } = newLinks();
      near.connection.send(bytes);
      clock.advance(10);
      assert.equal(far.link.open, stays, Buffer.from(bytes).toString());
    }
  });

  test("a message before there is a connection is lost, not an error", () => {
    const link = new MessageLink<Said, Said>(new SimClock(), readSaid, () => undefined);
    link.send({ kind: "early" });
    link.close();
    assert.equal(link.open, false);
    assert.equal(link.remote, "nobody");
  });
});
