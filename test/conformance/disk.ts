/** What every disk does alike, real or simulated: one story for each promise of the port. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { DarnerError, isZeros, type ErrorCode } from "#base/mod.ts";
import type { Disk } from "#platform/files/disk.ts";

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const failsWith = (code: ErrorCode) => (error: unknown) => error instanceof DarnerError && error.code === code;

async function contentOf(disk: Disk, path: string): Promise<string> {
  const file = await disk.open(path, "read");
  const into = new Uint8Array(1000);
  const count = await file.read(into, 0);
  await file.close();
  return new TextDecoder().decode(into.subarray(0, count));
}

type Fresh = () => Promise<{ disk: Disk; directory: string }>;

/** `fresh` gives a disk and an empty directory on it. */
export function testDisk(fresh: Fresh): void {
  testBytes(fresh);
  testNames(fresh);
}

function testBytes(fresh: Fresh): void {
  test("a file keeps what is written anywhere in it, and is full of zeros elsewhere", async () => {
    const { disk, directory } = await fresh();
    const file = await disk.open(`${directory}/a`, "create");
    await file.write(bytes("tail"), 6);
    await file.write(bytes("he"), 0);
    const into = new Uint8Array(20);
    assert.equal(await file.read(into, 0), 10);
    assert.equal(new TextDecoder().decode(into.subarray(0, 10)), "he\0\0\0\0tail");
    assert.equal(await file.read(into, 10), 0);
    assert.equal(await file.read(into.subarray(0, 2), 7), 2);
    await file.truncate(3);
    assert.equal((await file.identity()).sizeBytes, 3);
    await file.truncate(5);
    await file.close();
    assert.equal(await contentOf(disk, `${directory}/a`), "he\0\0\0");
  });

  test("each way to open: what must exist, what must not, and what is kept", async () => {
    const { disk, directory } = await fresh();
    const path = `${directory}/b`;
    await assert.rejects(disk.open(path, "read"), failsWith("output.not-writable"));
    await assert.rejects(disk.open(path, "update"), failsWith("output.not-writable"));
    await assert.rejects(disk.open(`${directory}/missing/b`, "keep"), failsWith("output.not-writable"));
    await assert.rejects(disk.open(directory, "keep"), failsWith("output.not-writable"));
    const created = await disk.open(path, "keep");
    await created.write(bytes("kept"), 0);
    await created.close();
    await assert.rejects(disk.open(path, "create"), failsWith("disk.failed"));
    const kept = await disk.open(path, "keep");
    await kept.write(bytes("s"), 4);
    await kept.close();
    const reading = await disk.open(path, "read");
    await assert.rejects(reading.write(bytes("x"), 0), failsWith("disk.failed"));
    await reading.close();
    assert.equal(await contentOf(disk, path), "kepts");
  });

  test("space may be set aside, and what is cleared reads as zeros, blank or not", async () => {
    const { disk, directory } = await fresh();
    const file = await disk.open(`${directory}/space`, "create");
    const lengthBytes = 3 * 65_536;
    await file.truncate(lengthBytes);
    await file.allocate(lengthBytes);
    assert.equal((await file.identity()).sizeBytes, lengthBytes);
    await file.write(new Uint8Array(2 * 65_536).fill(7), 0);
    await file.clear(65_536, 65_536, false);
    await file.clear(2 * 65_536, 65_536, true);
    const into = new Uint8Array(lengthBytes).fill(1);
    assert.equal(await file.read(into, 0), lengthBytes);
    assert.ok(into.subarray(0, 65_536).every((byte) => byte === 7));
    assert.ok(isZeros(into.subarray(65_536)));
    await assert.rejects(file.allocate(2 ** 52), failsWith("disk.full"));
    await file.close();
  });

  test("a clone is the same bytes, and no part of what it came from, or there is none", async () => {
    const { disk, directory } = await fresh();
    const source = await disk.open(`${directory}/source`, "create");
    const clone = await disk.open(`${directory}/clone`, "create");
    await source.write(bytes("once"), 0);
    const isCloned = await clone.cloneFrom(source);
    await source.write(bytes("gone"), 0);
    assert.equal(await contentOf(disk, `${directory}/clone`), isCloned ? "once" : "");
    await clone.close();
    await source.close();
  });

  test("a closed file is used by nobody; closing twice is fine", async () => {
    const { disk, directory } = await fresh();
    const file = await disk.open(`${directory}/c`, "keep");
    await file.close();
    await file.close();
    await assert.rejects(file.write(bytes("x"), 0), failsWith("disk.failed"));
    await assert.rejects(file.read(new Uint8Array(1), 0), failsWith("disk.failed"));
  });
}

function testNames(fresh: Fresh): void {
  test("names: listed in order, renamed over another, removed even when missing", async () => {
    const { disk, directory } = await fresh();
    for (const name of ["z", "a", "m"]) {
      const file = await disk.open(`${directory}/${name}`, "keep");
      await file.write(bytes(name), 0);
      await file.close();
    }
    await disk.makeDirectory(`${directory}/deep/deeper`);
    await disk.makeDirectory(`${directory}/deep/deeper`);
    assert.deepEqual(await disk.list(directory), ["a", "deep", "m", "z"]);
    assert.deepEqual(await disk.list(`${directory}/nowhere`), []);
    await disk.rename(`${directory}/z`, `${directory}/a`);
    assert.equal(await contentOf(disk, `${directory}/a`), "z");
    await assert.rejects(disk.rename(`${directory}/z`, `${directory}/y`), failsWith("output.not-writable"));
    await disk.remove(`${directory}/m`);
    await disk.remove(`${directory}/m`);
    await disk.removeTree(`${directory}/deep`);
    await disk.removeTree(`${directory}/deep`);
    assert.deepEqual(await disk.list(directory), ["a"]);
    assert.equal(await disk.stat(`${directory}/m`), undefined);
    assert.equal((await disk.stat(`${directory}/a`))?.sizeBytes, 1);
    await disk.setModified(`${directory}/a`, 1_700_000_000_500);
    assert.equal((await disk.stat(`${directory}/a`))?.modifiedNs, 1_700_000_000_500_000_000n);
  });

  test("a file that is deleted while open can still be used, and says that it has no name", async () => {
    const { disk, directory } = await fresh();
    const file = await disk.open(`${directory}/d`, "keep");
    const { inode } = await file.identity();
    await disk.remove(`${directory}/d`);
    await file.write(bytes("still here"), 0);
    const after = await file.identity();
    assert.deepEqual([after.links, after.sizeBytes, after.inode], [0, 10, inode]);
    await file.close();
    assert.ok((await disk.freeBytes(directory)) > 0);
  });
}
