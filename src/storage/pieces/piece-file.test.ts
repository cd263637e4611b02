/** A piece file at work, and what it makes of files that are not what they were. */

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { bytesEqual, DarnerError } from "#base/mod.ts";
import { SimClock } from "#platform/machine/clock.sim.ts";
import { type DiskVerb, SimDisk, type SimDiskOptions } from "#platform/files/disk.sim.ts";
import { sha256 } from "#platform/keys/digest.ts";
import { encodeRecord, firstCheck, type ObjectRecord } from "./journal.ts";
import { PieceFile } from "./piece-file.ts";

const boots = {
  first: sha256(Buffer.from("first")).subarray(0, 8),
  second: sha256(Buffer.from("second")).subarray(0, 8),
};
const pieceBytes = 16;
const content = Uint8Array.from({ length: 5 * pieceBytes - 5 }, (_, index) => (index * 37 + 11) & 0xff);
const pieceCount = 5;
const piece = (index: number): Uint8Array => content.subarray(index * pieceBytes, (index + 1) * pieceBytes);
const digest = (index: number): Uint8Array => sha256(piece(index));
const known: ObjectRecord = {
  kind: "object",
  url: "http://origin/a",
  generation: "g1",
  pieceBytes,
  lengthBytes: content.length,
  validator: '"v1"',
};
async function openOn(disk: SimDisk, boot = boots.first): Promise<PieceFile> {
  await disk.makeDirectory("/task");
  const journal = await disk.open("/task/journal", "keep");
  return await PieceFile.open({ content: await disk.open("/task/content", "keep"), journal, boot });
}

const put = (file: PieceFile, index: number): Promise<void> => file.put(index, piece(index), digest(index));
const held = (file: PieceFile): number[] => [...file.have.indices()];

/** Gets the object in a wild order, with notes in the middle, to its end. */
async function getAll(file: PieceFile, object: ObjectRecord): Promise<void> {
  await file.begin(object);
  await Promise.all([put(file, 3), put(file, 0)]);
  file.annotate({ facts: { status: 200 } });
  await put(file, 4);
  await Promise.all([put(file, 1), put(file, 2), put(file, 2)]);
  await file.finish(content.length, ["sha256:abc"]);
  await file.close();
}

/** Fetches what is missing, ends, and checks the whole. */
async function goOn(disk: SimDisk, boot: Uint8Array, object: ObjectRecord): Promise<void> {
  const file = await openOn(disk, boot);
  if (file.object === undefined) await file.begin(object);
  for (let index = 0; index < pieceCount; index++) await put(file, index);
  if (file.end === undefined) await file.finish(content.length, ["sha256:abc"]);
  await file.close();
  const again = await openOn(disk, boot);
  assert.deepEqual(held(again), [0, 1, 2, 3, 4]);
  assert.equal(again.end?.lengthBytes, content.length);
  assert.equal(again.heldBytes, content.length);
  assert.ok(bytesEqual(disk.bytesOf("/task/content")!, content));
}

describe("a piece file on the next start", () => {
  test("pieces of an earlier boot are hashed again: one changed byte drops just its piece", async () => {
    const disk = new SimDisk();
    await getAll(await openOn(disk), known);
    for (let at = 0; at < content.length; at++) {
      const crashed = disk.replay(disk.changes);
      crashed.bytesOf("/task/content")![at]! ^= 1;
      const file = await openOn(crashed, boots.second);
      const spoiled = Math.floor(at / pieceBytes);
      assert.deepEqual(
        held(file),
        [0, 1, 2, 3, 4].filter((index) => index !== spoiled),
      );
      assert.equal(file.digestOf(spoiled), undefined);
      assert.equal(file.end, undefined, "an object with a hole has not ended");
    }
    const intact = await openOn(disk.replay(disk.changes), boots.second);
    assert.equal(intact.end?.lengthBytes, content.length);
  });

  test("power loss kept the journal and lost the content: nothing is trusted, and all can be had again", async () => {
    const disk = new SimDisk();
    await getAll(await openOn(disk), known);
    for (const lengthBytes of [0, 1, pieceBytes, 3 * pieceBytes + 1]) {
      const crashed = disk.replay(disk.changes);
      const file = await crashed.open("/task/content", "update");
      await file.truncate(lengthBytes);
      assert.deepEqual(
        held(await openOn(crashed, boots.first)),
        [0, 1, 2].slice(0, Math.floor(lengthBytes / pieceBytes)),
      );
      await goOn(crashed, boots.second, known);
    }
  });

  test("records behind a spoiled one never come back to life", async () => {
    const disk = new SimDisk();
    const before = await openOn(disk);
    await before.begin(known);
    for (const index of [0, 1, 2]) {
      await put(before, index);
      await before.flush();
    }
    await before.close();
    const journal = disk.bytesOf("/task/journal")!;
    journal[Buffer.from(journal).indexOf(digest(1))]! ^= 1;
    const after = await openOn(disk);
    assert.deepEqual(held(after), [0]);
    // The new record is as long as the spoiled one, so it ends where the forgotten one begins.
    await put(after, 3);
    await after.close();
    assert.deepEqual(held(await openOn(disk)), [0, 3]);
  });

  test("pieces that were hashed again once are known from then on", async () => {
    const read = new Set<string>();
    const disk = new SimDisk({ before: (verb, path) => void (verb === "read" && read.add(path)) });
    await getAll(await openOn(disk), known);
    await (await openOn(disk, boots.second)).close();
    assert.ok(read.delete("/task/content"));
    assert.deepEqual(held(await openOn(disk, boots.second)), [0, 1, 2, 3, 4]);
    assert.deepEqual([...read], ["/task/journal"]);
  });

  test("a journal beside another content file is not believed", async () => {
    const disk = new SimDisk();
    await getAll(await openOn(disk), known);
    await disk.remove("/task/content");
    const other = await disk.open("/task/content", "keep");
    await other.write(
      Uint8Array.from(content, (byte, index) => (index === 20 ? byte ^ 1 : byte)),
      0,
    );
    assert.deepEqual(held(await openOn(disk)), [0, 2, 3, 4]);
  });

  test("a journal that asks for more memory than an object can need is not ours", async () => {
    for (const odd of [{ pieceBytes: 0 }, { pieceBytes: 1.5 }, { lengthBytes: 2 ** 53 - 1 }, { lengthBytes: -1 }]) {
      const disk = new SimDisk();
      await disk.makeDirectory("/task");
      const journal = await disk.open("/task/journal", "keep");
      await journal.write(encodeRecord({ ...known, ...odd }, firstCheck), 0);
      assert.equal((await openOn(disk)).object, undefined);
    }
  });

  test("files that are no journal and no content count as empty", async () => {
    const disk = new SimDisk();
    await disk.makeDirectory("/task");
    const journal = await disk.open("/task/journal", "keep");
    await journal.write(Buffer.from("not a journal at all, but a letter to a friend"), 0);
    await goOn(disk, boots.first, known);
  });
});

describe("a piece file at work", () => {
  test("a new object forgets the old one", async () => {
    const disk = new SimDisk();
    await getAll(await openOn(disk), known);
    const file = await openOn(disk);
    await file.begin({ ...known, generation: "g2" });
    assert.deepEqual(held(file), []);
    assert.equal(file.digestOf(0), undefined);
    assert.equal(file.end, undefined);
    await file.close();
    assert.deepEqual(held(await openOn(disk)), []);
  });

  test("a write of the old object that is still under way never lands in the new one", async () => {
    const { disk, letGo } = slowDisk("/task/content");
    const file = await openOn(disk);
    await file.begin(known);
    const old = file.put(0, new Uint8Array(pieceBytes).fill(0xaa), sha256(new Uint8Array(pieceBytes).fill(0xaa)));
    const begun = file.begin({ ...known, generation: "g2" }).then(() => put(file, 0));
    const late = file.put(1, new Uint8Array(pieceBytes), sha256(new Uint8Array(pieceBytes)));
    for (let turn = 0; turn < 20; turn++) await letGo();
    await Promise.all([old, late, begun]);
    assert.deepEqual(held(file), [0]);
    assert.ok(bytesEqual(disk.bytesOf("/task/content")!.subarray(0, pieceBytes), piece(0)));
  });

  test("a full disk is told to whoever stores, and the next object may try again", async () => {
    let full = false;
    const disk = new SimDisk({
      before(verb, path) {
        if (full && verb === "write" && path.endsWith("journal"))
          throw new DarnerError("disk.full", "cannot write it: full");
      },
    });
    const file = await openOn(disk);
    await file.begin(known);
    full = true;
    await put(file, 0);
    await assert.rejects(file.flush(), /full/);
    await assert.rejects(put(file, 1), /full/);
    full = false;
    await file.begin(known);
    await put(file, 1);
    await file.flush();
    assert.deepEqual(held(await openOn(disk)), [1]);
  });

  test("a dropped piece is gone until it is stored again, also after a restart", async () => {
    const disk = new SimDisk();
    await getAll(await openOn(disk), known);
    const file = await openOn(disk);
    file.drop(2);
    assert.equal(file.digestOf(2), undefined);
    assert.equal(file.end, undefined, "what has a hole is not whole");
    await file.close();
    await goOn(disk, boots.first, known);
  });

  test("a piece that the disk cannot read any more is not what was stored; what else is there stays", async () => {
    let broken = false;
    const disk = new SimDisk({
      before(verb, path) {
        if (broken && verb === "read" && path.endsWith("content")) throw new DarnerError("disk.failed", "EIO");
      },
    });
    await getAll(await openOn(disk), known);
    const file = await openOn(disk);
    broken = true;
    assert.deepEqual(await file.findSpoiled(1), [1]);
    file.drop(1);
    assert.ok(bytesEqual(file.vouchedDigestOf(1)!, digest(1)), "what it must be is still known");
    assert.deepEqual(held(file), [0, 2, 3, 4]);
    await file.close();
    broken = false;
    const again = await openOn(disk);
    assert.deepEqual(held(again), [0, 2, 3, 4]);
    assert.ok(bytesEqual(again.vouchedDigestOf(1)!, digest(1)));
  });

  test("a file that is cut has lost every piece behind its end", async () => {
    const disk = new SimDisk();
    await getAll(await openOn(disk), known);
    const file = await openOn(disk);
    assert.deepEqual(await file.findSpoiled(4), []);
    await file.content.truncate(2 * pieceBytes + 1);
    assert.deepEqual(await file.findSpoiled(4), [2, 3, 4]);
  });

  test("a disk that has room again takes what it had refused", async () => {
    let full = false;
    const disk = new SimDisk({
      before(verb, path) {
        if (full && verb === "write" && path.endsWith("journal")) throw new DarnerError("disk.full", "it is full");
      },
    });
    const file = await openOn(disk);
    await file.begin(known);
    full = true;
    await put(file, 0);
    await assert.rejects(file.flush(), /full/);
    await assert.rejects(put(file, 1), /full/);
    full = false;
    await put(file, 1);
    await file.close();
    assert.deepEqual(held(await openOn(disk)), [0, 1]);
  });

  test("a piece of zeros is not written where nothing was written before, and is where something was", async () => {
    const writes: string[] = [];
    const disk = new SimDisk({ before: (verb, path) => void (verb === "write" && writes.push(path)) });
    const zeros = new Uint8Array(pieceBytes);
    const file = await openOn(disk);
    await file.begin(known);
    await file.put(2, zeros, sha256(zeros));
    assert.ok(!writes.includes("/task/content"));
    await put(file, 3);
    file.drop(3);
    await file.put(3, zeros, sha256(zeros));
    await file.close();
    // Another run does not know what lies there.
    disk.bytesOf("/task/content")!.fill(9, 0, pieceBytes);
    const resumed = await openOn(disk);
    await resumed.put(0, zeros, sha256(zeros));
    assert.deepEqual(disk.bytesOf("/task/content"), new Uint8Array(content.length));
    assert.deepEqual(held(await openOn(disk, boots.second)), [0, 2, 3]);
  });

  test("without room for all of it no object begins, and what comes late is no piece of it", async () => {
    const disk = new SimDisk({ capacityBytes: 500 });
    await disk.makeDirectory("/task");
    const journal = await disk.open("/task/journal", "keep");
    const contentFile = await disk.open("/task/content", "keep");
    const file = await PieceFile.open({ content: contentFile, journal, boot: boots.first, spaceAhead: true });
    await assert.rejects(file.begin({ ...known, lengthBytes: 10_000 }), /no space left/);
    assert.equal(file.object, undefined);
    await file.begin(known);
    await put(file, 0);
    assert.deepEqual(held(file), [0]);
  });

  test("an empty object ends without a piece, and is whole on the next start", async () => {
    const disk = new SimDisk();
    const file = await openOn(disk);
    await file.begin({ ...known, lengthBytes: 0 });
    await file.finish(0, []);
    await file.close();
    const again = await openOn(disk, boots.second);
    assert.equal(again.end?.lengthBytes, 0);
    assert.equal(again.heldBytes, 0);
  });

  test("records of pieces wait for others, yet not long, and not when the file is flushed", async () => {
    const clock = new SimClock();
    const disk = new SimDisk();
    await disk.makeDirectory("/task");
    const journal = await disk.open("/task/journal", "keep");
    const contentFile = await disk.open("/task/content", "keep");
    const file = await PieceFile.open({ content: contentFile, journal, boot: boots.first, clock });
    await file.begin(known);
    const sizeOf = async (): Promise<number> => (await journal.identity()).sizeBytes;
    const empty = await sizeOf();
    for (const index of [0, 1, 2]) await put(file, index);
    await clock.settle(200);
    assert.equal(await sizeOf(), empty);
    await clock.settle(100);
    assert.ok((await sizeOf()) > empty);
    await put(file, 3);
    await file.flush();
    const four = await sizeOf();
    assert.equal(clock.pending, 0);
    await put(file, 4);
    await file.finish(content.length, []);
    assert.ok((await sizeOf()) > four);
    await file.close();
    assert.deepEqual(held(await openOn(disk)), [0, 1, 2, 3, 4]);
  });
});

/** Writes to `path` wait until they are let go, the last of those that wait first. */
function slowDisk(path: string): { disk: SimDisk; letGo: () => Promise<void> } {
  const waiting: (() => void)[] = [];
  const options: SimDiskOptions = {
    before: (verb, name) =>
      verb === "write" && name === path ? new Promise<void>((resolve) => waiting.push(resolve)) : undefined,
  };
  return {
    disk: new SimDisk(options),
    letGo: async () => {
      await new Promise((resolve) => setImmediate(resolve));
      waiting.pop()?.();
    },
  };
}

/** A file on a disk whose next call of this kind waits until it is let go. */
async function heldBack(verb: DiskVerb): Promise<{ file: PieceFile; hold: () => void; letGo: () => void }> {
  const gate = Promise.withResolvers<void>();
  let holds = false;
  const disk = new SimDisk({
    before: (kind, path) => (holds && kind === verb && path === "/task/content" ? gate.promise : undefined),
  });
  return { file: await openOn(disk), hold: () => void (holds = true), letGo: gate.resolve };
}

describe("what comes between", () => {
  test("notes that are written while a piece is: the piece is held all the same", async () => {
    const { file, hold, letGo } = await heldBack("write");
    await file.begin(known);
    hold();
    const putting = put(file, 2);
    await new Promise((resolve) => setImmediate(resolve));
    file.annotate({ places: ["a"] });
    letGo();
    await putting;
    assert.deepEqual(held(file), [2]);
  });

  test("another object that begins while one ends: the new one has not ended", async () => {
    const { file, hold, letGo } = await heldBack("look");
    await file.begin(known);
    for (let index = 0; index < pieceCount; index++) await put(file, index);
    hold();
    const finishing = file.finish(content.length, ["sha256:abc"]);
    await file.begin({ ...known, generation: "g2" });
    letGo();
    await assert.rejects(finishing, (error: DarnerError) => error.code === "interrupted");
    assert.equal(file.end, undefined);
  });
});
