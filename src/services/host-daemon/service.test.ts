/**
 * The daemon and its clients, in one process and on a disk in memory: who goes away when, who fails, and
 * whose files others meanwhile use.
 */

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { describe, test } from "node:test";
import { DarnerError } from "#base/mod.ts";
import type { DownloadAsk, DownloadEvent } from "#core/protocol/mod.ts";
import { SimDisk, type SimDiskOptions } from "#platform/files/disk.sim.ts";
import type { DiskFile } from "#platform/files/disk.ts";
import { newSigningKey } from "#platform/keys/signing.ts";
import { SimClock } from "#platform/machine/clock.sim.ts";
import { nodeRandom } from "#platform/machine/random.node.ts";
import { silentLog, type Log } from "#platform/telemetry/log.ts";
import type { Metrics } from "#platform/telemetry/metrics.ts";
import { TaskCache } from "#storage/pieces/mod.ts";
import { taskIdOf } from "#transfer/mod.ts";
import { ScriptedOrigin, type ScriptedObject } from "../../../test/scripted-origin.ts";
import { HostDaemon } from "./service.ts";

const contentBytes = 400_000;
const contentOf = (seed: number): Uint8Array =>
  Uint8Array.from({ length: contentBytes }, (_, index) => (index * seed + (index >> 8)) & 0xff);
const digestOf = (content: Uint8Array): string => `sha256:${createHash("sha256").update(content).digest("hex")}`;

/** Takes whatever it is asked. */
const noMetrics = new Proxy({}, { get: () => () => undefined }) as unknown as Metrics;
const settings = {
  originFallbackAfterMs: 10_000,
  originBudgetBytesPerSecond: Infinity,
  stallTimeoutMs: 30_000,
  downloadRateBytesPerSecond: Infinity,
  uploadRateBytesPerSecond: Infinity,
  diskReadRateBytesPerSecond: Infinity,
  diskWriteRateBytesPerSecond: Infinity,
  uploadSlots: 4,
  seal: "marked",
  sensitiveUrls: [],
} as const;

/** Clients hand over files of this disk, by their numbers. */
class HandedDisk extends SimDisk {
  readonly handed: DiskFile[] = [];

  override adopt(descriptor?: number): DiskFile {
    return this.handed[descriptor!]!;
  }
}

interface Client {
  readonly events: DownloadEvent[];
  readonly id: string;
  abandon(): void;
  /** Resolves to `done`, or to the code that it failed with. */
  readonly over: Promise<string>;
}

interface SceneOptions extends SimDiskOptions {
  readonly serve: (name: string) => ScriptedObject;
  readonly quotaBytes?: number;
}

async function scene({ serve, quotaBytes = 1e9, ...diskOptions }: SceneOptions) {
  const clock = new SimClock();
  const disk = new HandedDisk(diskOptions);
  const origin = new ScriptedOrigin(({ url }) => serve(url.slice(url.lastIndexOf("/") + 1)));
  const boot = new Uint8Array(8);
  const share = (): number => 1;
  const quota = { quotaBytes: () => quotaBytes, highWatermark: share, lowWatermark: share, spaceAhead: false };
  const warned: string[] = [];
  const log: Log = { ...silentLog, warn: (event) => void warned.push(event) };
  const daemon = new HostDaemon({
    clock,
    random: nodeRandom,
    log,
    metrics: noMetrics,
    disk,
    dialler: { dial: () => Promise.reject(new DarnerError("network.refused", "nobody is there")) },
    origin,
    cache: await TaskCache.open({ disk, directory: "/cache", boot, clock, ...quota }),
    boot,
    inbox: {
      take: (token) => ({ descriptors: [Number(token), Number(token) + 1], uid: 0 }),
      close: () => Promise.resolve(),
    },
    directory: undefined,
    key: newSigningKey(),
    trust: false,
    isRevoked: () => false,
    name: "h1",
    site: "",
    advertise: () => ({ address: "", port: 1 }),
    settings,
  });
  const begin = (name: string, more: Partial<DownloadAsk>): Client => {
    const events: DownloadEvent[] = [];
    const { promise: over, resolve } = Promise.withResolvers<string>();
    const url = `http://origin/${name}`;
    const usual = { headers: {}, filterQuery: [], tag: "", output: { kind: "stream" }, triesMax: 1 } as const;
    const ask: DownloadAsk = { url, ...usual, mode: "p2p", backToSource: true, ...more };
    const begun = daemon.begin(ask, 0, (event) => {
      events.push(event);
      if (event.event === "done") resolve("done");
      if (event.event === "failed") resolve(event.error.code);
    });
    return { events, ...begun, over };
  };
  /** A client that hands over the files of its output. */
  const save = async (name: string, output: string, more: Partial<DownloadAsk> = {}): Promise<Client> => {
    const token = String(disk.handed.length);
    for (const kind of ["part", "journal"]) disk.handed.push(await disk.open(`/${output}.${kind}`, "keep"));
    return begin(name, { output: { kind: "descriptors", token }, ...more });
  };
  const read = async (client: Client): Promise<Buffer> => {
    const runs: Uint8Array[] = [];
    for await (const run of daemon.download(client.id)!.body()) runs.push(run);
    return Buffer.concat(runs);
  };
  /** What is under way goes on, and so much time passes. */
  const settle = (ms = 0): Promise<void> => clock.settle(ms);
  return { daemon, disk, origin, warned, begin, save, read, settle };
}

describe("a client that goes away", () => {
  test("before there is a task leaves nothing behind", async () => {
    const { daemon, begin, settle } = await scene({ serve: () => ({ content: contentOf(3) }) });
    begin("a", {}).abandon();
    for (let turn = 0; turn < 50; turn++) await settle();
    assert.equal(daemon.idle, true, "nothing is being got");
  });

  test("as the last one, takes nothing from who joins in that moment", async () => {
    const gate = Promise.withResolvers<void>();
    let leave = (): void => undefined;
    const before = (_: string, path: string): void => void (path === "/two.part" && leave());
    const serve = (): ScriptedObject => ({ content: contentOf(3), pace: () => gate.promise });
    const { disk, save, settle } = await scene({ serve, before });
    const one = await save("a", "one");
    await settle();
    const two = await save("a", "two");
    leave = () => one.abandon();
    await settle(60_000);
    gate.resolve();
    assert.equal(await two.over, "done", JSON.stringify(two.events));
    assert.ok(Buffer.from(disk.bytesOf("/two.part")!).equals(contentOf(3)));
  });
});

describe("a client was killed, others go on with its files, and its output is asked for", () => {
  for (const [what, name, more, bytes] of [
    ["with another object", "b", {}, contentOf(5)],
    ["with a part of the same", "a", { range: { start: 1000, end: 150_000 } }, contentOf(3).slice(1000, 150_000)],
  ] as const) {
    test(what, async () => {
      const gate = Promise.withResolvers<void>();
      let chunks = 0;
      const slowly = async (): Promise<void> => void (++chunks > 200 && (await gate.promise));
      const serve = (asked: string): ScriptedObject =>
        asked === "a" ? { content: contentOf(3), etag: '"a"', pace: slowly } : { content: contentOf(5) };
      const { disk, save, settle, daemon } = await scene({ serve });
      const killed = await save("a", "out");
      await settle();
      const other = await save("a", "other");
      await settle(60_000);
      killed.abandon();
      const again = await save(name, "out", more);
      await settle(1000);
      gate.resolve();
      assert.equal(await again.over, "done", JSON.stringify(again.events));
      assert.equal(await other.over, "done", JSON.stringify(other.events));
      assert.ok(Buffer.from(disk.bytesOf("/out.part")!).equals(bytes), "what was asked for last lies there");
      assert.ok(Buffer.from(disk.bytesOf("/other.part")!).equals(contentOf(3)), "who shared the first one has it");
      await settle(60_000);
      assert.equal(daemon.idle, true);
    });
  }
});

describe("a client that fails by what it asked", () => {
  test("wants nothing of the object any more", async () => {
    const gate = Promise.withResolvers<void>();
    let chunks = 0;
    const pace = async (): Promise<void> => void (++chunks > 200 && (await gate.promise));
    const { begin, daemon, origin, settle } = await scene({ serve: () => ({ content: contentOf(3), pace }) });
    const outside = begin("a", { range: { start: contentBytes + 1 } });
    assert.equal(await outside.over, "origin.range");
    await settle(60_000);
    gate.resolve();
    await settle(60_000);
    assert.ok(origin.bytesSent < 0.75 * contentBytes, `${origin.bytesSent} bytes were asked of the origin for nobody`);
    assert.equal(daemon.idle, true);
  });
});

test("who shares the output of a client whose disk is full goes on with a file of its own", async () => {
  const gate = Promise.withResolvers<void>();
  let isFull = false;
  const before = (verb: string, path: string): void => {
    if (isFull && verb === "write" && path === "/one.part") throw new DarnerError("disk.full", "no space left");
  };
  let chunks = 0;
  const pace = async (): Promise<void> => void (++chunks > 200 && (await gate.promise));
  const { save, begin, read, disk, settle } = await scene({ serve: () => ({ content: contentOf(3), pace }), before });
  const one = await save("a", "one");
  await settle(1000);
  const [two, reader] = [await save("a", "two"), begin("a", { range: { start: 250_000 } })];
  await settle(1000);
  const reading = read(reader);
  isFull = true;
  gate.resolve();
  assert.equal(await one.over, "disk.full");
  assert.equal(await two.over, "done", JSON.stringify(two.events));
  assert.ok(Buffer.from(disk.bytesOf("/two.part")!).equals(contentOf(3)));
  assert.ok((await reading).equals(contentOf(3).subarray(250_000)));
  assert.equal(await reader.over, "done", JSON.stringify(reader.events));
});

test("an object that rotted is got again by the second who reads it, at the latest", async () => {
  const content = contentOf(3);
  const { begin, read, disk, settle } = await scene({ serve: () => ({ content }) });
  const ask = { digest: digestOf(content) };
  const first = begin("a", ask);
  assert.ok((await read(first)).equals(content));
  await settle(60_000);
  const [path] = [...new Set(disk.changes.flatMap((change) => ("path" in change ? [change.path] : [])))].filter(
    (name) => name.endsWith("/content"),
  );
  disk.bytesOf(path!)![200_000]! ^= 1;
  await read(begin("a", ask)).catch(() => undefined);
  assert.ok((await read(begin("a", ask))).equals(content));
});

test("a task counts as known while its files are being opened, so that nothing else asks for it", async () => {
  const known: boolean[] = [];
  const before = (verb: string, path: string): void => {
    if (verb === "open" && path.endsWith("/content")) known.push(daemon.has(task));
  };
  const { begin, daemon } = await scene({ serve: () => ({ content: contentOf(3) }), before });
  const task = taskIdOf({ url: "http://origin/a", headers: {}, filterQuery: [], tag: "" });
  assert.equal(daemon.has(task), false);
  assert.equal(await begin("a", {}).over, "done");
  assert.deepEqual(known, [true]);
});

test("a daemon that stops begins nothing more, not even what is being opened", async () => {
  const gate = Promise.withResolvers<void>();
  const before = (verb: string, path: string): Promise<void> | void =>
    verb === "look" && path === "/one.part" ? gate.promise : undefined;
  const { save, begin, daemon, origin, settle } = await scene({ serve: () => ({ content: contentOf(3) }), before });
  const one = await save("a", "one");
  await settle();
  await daemon.stop();
  const two = begin("a", {});
  gate.resolve();
  await settle(60_000);
  assert.equal(await one.over, "daemon.gone");
  assert.equal(await two.over, "daemon.gone");
  assert.equal(origin.asked.length, 0);
});

test("a client hears that the daemon is there while its files are looked through", async () => {
  const gate = Promise.withResolvers<void>();
  const before = (verb: string, path: string): Promise<void> | void =>
    verb === "look" && path === "/one.part" ? gate.promise : undefined;
  const { save, settle } = await scene({ serve: () => ({ content: contentOf(3) }), before });
  const one = await save("a", "one");
  await settle(5000);
  assert.ok(one.events.length >= 2, JSON.stringify(one.events));
  gate.resolve();
  assert.equal(await one.over, "done");
});
