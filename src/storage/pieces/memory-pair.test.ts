/** Files that begin in memory, and what is written to them while they move to the disk. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { smallBytesMax } from "#core/protocol/mod.ts";
import { SimDisk } from "#platform/files/disk.sim.ts";
import { MemoryPair } from "./memory-pair.ts";

test("what is written while the pair moves to the disk is on the disk", async () => {
  const gate = Promise.withResolvers<void>();
  const disk = new SimDisk({ before: (verb) => (verb === "write" ? gate.promise : undefined) });
  const open = async () => ({
    content: await disk.open("/content", "keep"),
    journal: await disk.open("/journal", "keep"),
  });
  const pair = new MemoryPair({ name: "a", stored: undefined, openFiles: open, onChange: () => undefined });
  await pair.journal.write(Buffer.from("one "), 0);
  const moving = pair.content.write(new Uint8Array(smallBytesMax + 1).fill(7), 0);
  await new Promise((resolve) => setImmediate(resolve));
  const writing = [pair.journal.write(Buffer.from("two"), 4), pair.content.write(Uint8Array.of(9), 3)];
  await new Promise((resolve) => setImmediate(resolve));
  gate.resolve();
  await Promise.all([moving, ...writing]);
  assert.equal(Buffer.from(disk.bytesOf("/journal")!).toString(), "one two");
  assert.deepEqual([...disk.bytesOf("/content")!.subarray(2, 5)], [7, 9, 7]);
});
