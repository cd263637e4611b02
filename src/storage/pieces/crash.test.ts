/**
 * The store after every crash: what it writes for a download, a resumed one, a cache that fills, an
 * eviction and an output's final name is recorded, and each state in which a stopped machine may find
 * the disk is opened as the next start would.
 *
 * DARNER_TEST_CRASHES=long tries every byte of every write, windows of ten and many samples (minutes).
 * DARNER_TEST_SEED repeats the samples.
 */

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { bytesEqual } from "#base/mod.ts";
import { killed, powerLost, type Crash } from "#platform/files/crashes.sim.ts";
import { SimClock } from "#platform/machine/clock.sim.ts";
import { sha256 } from "#platform/keys/digest.ts";
import { SimDisk } from "#platform/files/disk.sim.ts";
import { decodeJournal, type ObjectRecord } from "./journal.ts";
import { PieceFile } from "./piece-file.ts";
import { TaskCache } from "./task-cache.ts";

const isLong = process.env["DARNER_TEST_CRASHES"] === "long";
const effort = isLong ? { window: 10, samples: 20_000 } : { window: 6, samples: 300 };
const seed = Number(process.env["DARNER_TEST_SEED"] ?? Date.now() % 1e6);

const boots = { before: new Uint8Array(8).fill(1), after: new Uint8Array(8).fill(2) };
const pieceBytes = 16;

/** An object of the story: its bytes follow from its name; the last piece is short. */
interface Story {
  readonly record: ObjectRecord;
  readonly content: Uint8Array;
}

function story(generation: string, pieces: number, isLengthKnown = true): Story {
  const content = Uint8Array.from(
    { length: pieces * pieceBytes - 5 },
    // The second piece is all zeros.
    (_, index) => (Math.floor(index / pieceBytes) === 1 ? 0 : sha256(Buffer.from(`${generation}${index}`))[0]!),
  );
  const length = isLengthKnown ? { lengthBytes: content.length } : {};
  return { record: { kind: "object", url: "http://origin/a", generation, pieceBytes, ...length }, content };
}

const pieceOf = ({ content }: Story, index: number): Uint8Array =>
  content.subarray(index * pieceBytes, (index + 1) * pieceBytes);
const countOf = ({ content }: Story): number => Math.ceil(content.length / pieceBytes);
const all = [story("g1", 5), story("g2", 4), story("g3", 3, false)] as const;
const [first, second, unknown] = all;

async function put(file: PieceFile, of: Story, indices: readonly number[]): Promise<void> {
  await Promise.all(indices.map((index) => file.put(index, pieceOf(of, index), sha256(pieceOf(of, index)))));
}

async function openAt(disk: SimDisk, folder: string, boot: Uint8Array, clock?: SimClock): Promise<PieceFile> {
  const journal = await disk.open(`${folder}/journal`, "keep");
  const content = await disk.open(`${folder}/content`, "keep");
  return await PieceFile.open({ content, journal, boot, ...(clock === undefined ? {} : { clock }) });
}

const openCache = (disk: SimDisk, boot: Uint8Array): Promise<TaskCache> =>
  TaskCache.open({
    disk,
    directory: "/data",
    boot,
    clock: new SimClock(),
    quotaBytes: () => 300,
    highWatermark: () => 0.9,
    lowWatermark: () => 0.7,
    spaceAhead: true,
  });

/** What a dumb reader of both files would use again: records in order, bytes that have their digest. */
function vouchedFor(disk: SimDisk, folder: string): readonly number[] {
  const content = disk.bytesOf(`${folder}/content`) ?? new Uint8Array(0);
  let lengthBytes: number | undefined;
  const digests = new Map<number, Uint8Array>();
  for (const record of decodeJournal(disk.bytesOf(`${folder}/journal`) ?? new Uint8Array(0)).records) {
    if (record.kind === "object") digests.clear();
    if (record.kind === "object") lengthBytes = record.lengthBytes;
    if (record.kind === "end") lengthBytes = record.lengthBytes;
    if (record.kind === "lost") digests.delete(record.index);
    if (record.kind === "pieces") for (const { index, digest } of record.pieces) digests.set(index, digest);
  }
  const pieces = [...digests].filter(([index, digest]) => {
    const end = Math.min((index + 1) * pieceBytes, lengthBytes ?? Infinity);
    return end <= content.length && bytesEqual(sha256(content.subarray(index * pieceBytes, end)), digest);
  });
  return pieces.map(([index]) => index).sort((a, b) => a - b);
}

/** It uses again all that the journal vouches for, and nothing that is not its object's. */
async function assertSound(file: PieceFile, vouched: readonly number[]): Promise<void> {
  assert.deepEqual([...file.have.indices()], vouched);
  if (file.object === undefined) return;
  const truth = all.find(({ record }) => record.generation === file.object?.generation);
  assert.ok(truth !== undefined, "the object is one that was written");
  for (const index of vouched) {
    const bytes: Uint8Array = new Uint8Array(pieceOf(truth, index).length);
    await file.read(index, bytes);
    assert.ok(bytesEqual(bytes, pieceOf(truth, index)), `piece ${index} is what it was`);
    assert.ok(bytesEqual(file.digestOf(index)!, sha256(bytes)));
  }
  if (file.end !== undefined) assert.equal(file.have.count, countOf(truth), "what has ended is whole");
}

/** Opens what the crash left, checks it, gets the rest, and finds all of it on the start after that. */
async function goOn(disk: SimDisk, folder: string, boot: Uint8Array, wanted: Story): Promise<void> {
  const vouched = vouchedFor(disk, folder);
  const file = await openAt(disk, folder, boot);
  await assertSound(file, vouched);
  await complete(file, wanted);
  await file.close();
  const again = await openAt(disk, folder, boot);
  assert.equal(again.end?.lengthBytes, wanted.content.length);
  await again.close();
  assert.ok(bytesEqual(disk.bytesOf(`${folder}/content`)!, wanted.content));
}

async function complete(file: PieceFile, wanted: Story): Promise<void> {
  if (file.object?.generation !== wanted.record.generation) await file.begin(wanted.record);
  await put(file, wanted, [...Array(countOf(wanted)).keys()]);
  if (file.end === undefined) await file.finish(wanted.content.length, []);
}

interface Workload {
  readonly name: string;
  /** What is on the disk for good before it. */
  prepare?(disk: SimDisk): Promise<void>;
  run(disk: SimDisk): Promise<void>;
  check(disk: SimDisk, boot: Uint8Array): Promise<void>;
}

const download: Workload = {
  name: "a download, with notes in the middle, a spoiled piece, and a new version after it",
  prepare: (disk) => disk.makeDirectory("/task"),
  async run(disk) {
    const file = await openAt(disk, "/task", boots.before);
    await file.begin(first.record);
    await put(file, first, [3, 0]);
    file.annotate({ facts: { status: 200 } });
    await put(file, first, [4]);
    file.drop(0);
    await put(file, first, [1, 2, 0]);
    await file.finish(first.content.length, ["sha256:abc"]);
    await file.begin(second.record);
    await put(file, second, [2]);
    await file.close();
  },
  check: (disk, boot) => goOn(disk, "/task", boot, second),
};

const lengthless: Workload = {
  name: "a download of unknown length, its records gathered",
  prepare: (disk) => disk.makeDirectory("/task"),
  async run(disk) {
    const clock = new SimClock();
    const file = await openAt(disk, "/task", boots.before, clock);
    await file.begin(unknown.record);
    await put(file, unknown, [0]);
    clock.advance(300);
    await put(file, unknown, [1, 2]);
    await file.finish(unknown.content.length, []);
    await file.close();
  },
  check: (disk, boot) => goOn(disk, "/task", boot, unknown),
};

const resume: Workload = {
  name: "a resumed download",
  async prepare(disk) {
    await disk.makeDirectory("/task");
    const file = await openAt(disk, "/task", boots.before);
    await file.begin(first.record);
    await put(file, first, [1, 3]);
    await file.close();
    // Half a record, as a full disk leaves it.
    const journal = await disk.open("/task/journal", "update");
    await journal.write(new Uint8Array(7).fill(9), (await journal.identity()).sizeBytes);
  },
  async run(disk) {
    const file = await openAt(disk, "/task", boots.before);
    await complete(file, first);
    await file.close();
  },
  check: (disk, boot) => goOn(disk, "/task", boot, first),
};

async function keep(cache: TaskCache, task: string, of: Story): Promise<void> {
  const { generation } = of.record;
  const file = await cache.hold(task, generation);
  await cache.reserve(task, generation, of.content.length);
  await complete(file, of);
  await cache.release(task, generation);
}

/** The cache opens, each version in it is sound, and there is room for all again. */
async function checkCache(disk: SimDisk, boot: Uint8Array): Promise<void> {
  const cache = await openCache(disk, boot);
  for (const task of await disk.list("/data/tasks")) {
    const generation = cache.latest(task);
    if (generation === undefined) continue;
    const vouched = vouchedFor(disk, `/data/tasks/${task}/${generation}`);
    await assertSound(await cache.hold(task, generation), vouched);
    await cache.release(task, generation);
  }
  for (const [task, of] of [
    ["a", first],
    ["b", second],
  ] as const) {
    await keep(cache, task, of);
    assert.ok(bytesEqual(disk.bytesOf(`/data/tasks/${task}/${of.record.generation}/content`)!, of.content));
  }
  for (const task of ["a", "b", "c"]) await cache.pin(task, false);
  await cache.evict(1e6);
  assert.deepEqual([cache.usedBytes, await disk.list("/data/tasks")], [0, []]);
}

const fill: Workload = {
  name: "a cache that fills, with a pin",
  async run(disk) {
    const cache = await openCache(disk, boots.before);
    await keep(cache, "a", first);
    await cache.pin("a", true);
    await Promise.all([keep(cache, "a", second), keep(cache, "b", second)]);
  },
  check: checkCache,
};

const eviction: Workload = {
  name: "an eviction, and a version that comes back meanwhile",
  async prepare(disk) {
    const cache = await openCache(disk, boots.before);
    for (const [task, of] of [
      ["a", first],
      ["a", second],
      ["b", second],
      ["c", unknown],
    ] as const)
      await keep(cache, task, of);
  },
  async run(disk) {
    const cache = await openCache(disk, boots.before);
    await Promise.all([cache.evict(1e6), keep(cache, "b", second)]);
    await keep(cache, "a", first);
  },
  check: checkCache,
};

const old = Buffer.from("what lay there before");

/** The steps of dfget's output: two files beside it, then one name, then none beside it. */
const handOver: Workload = {
  name: "an output that gets its final name over an older file",
  async prepare(disk) {
    await disk.makeDirectory("/home");
    await (await disk.open("/home/out", "create")).write(old, 0);
  },
  async run(disk) {
    const file = await PieceFile.open({
      content: await disk.open("/home/.out.part", "keep"),
      journal: await disk.open("/home/.out.journal", "keep"),
      boot: boots.before,
    });
    await complete(file, first);
    await disk.rename("/home/.out.part", "/home/out");
    await disk.remove("/home/.out.journal");
    await file.close();
  },
  async check(disk, boot) {
    const there = disk.bytesOf("/home/out")!;
    // Nothing is flushed: what a loss of power leaves of a finished output is what wget would have.
    if (boot === boots.before)
      assert.ok(bytesEqual(there, old) || bytesEqual(there, first.content), "one or the other");
    const file = await PieceFile.open({
      content: await disk.open("/home/.out.part", "keep"),
      journal: await disk.open("/home/.out.journal", "keep"),
      boot,
    });
    if (bytesEqual(there, first.content)) assert.equal(file.have.count, 0, "a journal left behind vouches for nothing");
    await complete(file, first);
    await file.close();
    assert.ok(bytesEqual(disk.bytesOf("/home/.out.part")!, first.content));
  },
};

async function assertAll(crashes: Iterable<Crash>, check: (disk: SimDisk) => Promise<void>): Promise<number> {
  let cases = 0;
  for (const { name, disk } of crashes) {
    try {
      await check(disk);
    } catch (error) {
      assert.fail(`${name}: ${(error as Error).stack} (DARNER_TEST_SEED=${seed})`);
    }
    cases++;
  }
  return cases;
}

/** mulberry32 */
function generator(state: number): () => number {
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

describe("after any crash the store opens, uses what its journal vouches for, trusts nothing torn, goes on", () => {
  for (const workload of [download, lengthless, resume, fill, eviction, handOver]) {
    test(workload.name, async (context) => {
      // The content is the slower file: a record that does not wait for its piece would overtake it.
      const disk = new SimDisk({
        before: async (verb, path) => {
          if (verb === "write" && path.endsWith("content")) await new Promise((resolve) => setImmediate(resolve));
        },
      });
      await workload.prepare?.(disk);
      const from = disk.changes.length;
      await workload.run(disk);
      const kills = await assertAll(killed(disk, from, isLong), (crashed) => workload.check(crashed, boots.before));
      const options = { ...effort, from, unit: generator(seed) };
      const losses = await assertAll(powerLost(disk, options), (crashed) => workload.check(crashed, boots.after));
      context.diagnostic(`${disk.changes.length - from} changes, killed in ${kills} places, power lost in ${losses}`);
      assert.ok(kills > disk.changes.length - from && losses > effort.samples, "the crashes are there");
    });
  }
});
