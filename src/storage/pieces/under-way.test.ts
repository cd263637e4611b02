/** Another object begins in the file that pieces of the old one still go out of. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { SimDisk } from "#platform/files/disk.sim.ts";
import { sha256 } from "#platform/keys/digest.ts";
import { SimClock } from "#platform/machine/clock.sim.ts";
import type { ObjectRecord } from "./journal.ts";
import { PieceFile } from "./piece-file.ts";

const pieceBytes = 16;
const piece = new Uint8Array(pieceBytes).fill(0xaa);
const old: ObjectRecord = { kind: "object", url: "http://origin/a", generation: "g1", pieceBytes, lengthBytes: 64 };
const another: ObjectRecord = { ...old, generation: "g2" };

interface Scene {
  readonly clock: SimClock;
  readonly file: PieceFile;
  /** Of the content file. */
  readonly first: () => Uint8Array;
  readonly sent: () => void;
}

/** The old object's first piece is held, and goes out until `sent`. */
async function startToSend(): Promise<Scene> {
  const [disk, clock] = [new SimDisk(), new SimClock()];
  const [content, journal] = [await disk.open("/content", "keep"), await disk.open("/journal", "keep")];
  const file = await PieceFile.open({ content, journal, boot: new Uint8Array(8), clock });
  await file.begin(old);
  await file.put(0, piece, sha256(piece));
  const { promise, resolve } = Promise.withResolvers<void>();
  file.lend(promise);
  return { clock, file, first: () => disk.bytesOf("/content")!.subarray(0, pieceBytes), sent: resolve };
}

test("the piece is no more to be had, and stays as it is until it is sent", async () => {
  const { clock, file, first, sent } = await startToSend();
  const begun = file.begin(another);
  await clock.settle(1000);
  assert.deepEqual([...file.have.indices()], []);
  assert.deepEqual(first(), piece);
  sent();
  await begun;
  assert.deepEqual(file.object, another);
  assert.deepEqual(first(), new Uint8Array(pieceBytes));
});

test("whoever does not read it holds the new object up for two seconds", async () => {
  const { clock, file, first } = await startToSend();
  const begun = file.begin(another);
  await clock.settle(2500);
  await begun;
  assert.deepEqual(file.object, another);
  assert.deepEqual(first(), new Uint8Array(pieceBytes));
});

test("a piece whose sending failed holds nobody up", async () => {
  const { file, sent } = await startToSend();
  sent();
  file.lend(Promise.reject(new Error("the child is gone")));
  await file.begin(another);
  assert.deepEqual(file.object, another);
});
