/**
 * A host's limits, one after the other, while four downloads and eight uploads want more: what the
 * host counts where it reads and writes, over every second. A sample's time is only known to lie
 * between asking and hearing, so a window counts when it surely was no longer than a second.
 */

import assert from "node:assert/strict";
import * as fs from "node:fs";
import { after, before, describe, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { taskIdOf } from "#transfer/mod.ts";
import { Cluster, metricIn, until, type Dfget, type Role } from "../integration/cluster.ts";
import { RawPeer } from "../integration/piece-client.ts";

const limit = "10MB";
const windowBytesMax = 10_500_000;
const watchMs = 2600;
const sampleEveryMs = 20;
const pieceBytes = 1_048_576;
const heldPieces = 16;
const limits = ["download", "upload", "disk_read", "disk_write"] as const;
type Limit = (typeof limits)[number];

/** As the daemon names them in /metrics. */
const labels: Readonly<Record<Limit, string>> = {
  download: "download",
  upload: "upload",
  disk_read: "diskRead",
  disk_write: "diskWrite",
};

interface Sample {
  readonly askedMs: number;
  readonly heardMs: number;
  readonly bytes: number;
  readonly active: number;
}

/** The most bytes of a window that surely was at most a second long. */
function busiestSecond(samples: readonly Sample[]): number {
  let most = 0;
  for (const [index, first] of samples.entries()) {
    for (const last of samples.slice(index + 1)) {
      if (last.heardMs - first.askedMs > 1000) break;
      most = Math.max(most, last.bytes - first.bytes);
    }
  }
  return most;
}

describe("a host's limits", () => {
  let cluster: Cluster;
  let host: Role;
  let task: string;
  let generation: string;
  let made = 0;

  before(async () => {
    cluster = await Cluster.start();
    const manager = await cluster.manager("manager", [
      "--trust",
      "off",
      "--piece-bytes",
      "1MiB",
      "--upload-slots",
      "16",
    ]);
    host = await cluster.daemon("h1", manager, ["--trust", "off", "--upload-slots", "8"]);
    const url = cluster.serve("/held", { body: { sizeBytes: heldPieces * pieceBytes, seed: 1 } });
    cluster.assertIntact(await cluster.dfget(host, url, "held").outcome, "held", "/held");
    task = taskIdOf({ url, headers: {}, filterQuery: [], tag: "" });
    const { text } = await manager.get("/v1/tasks");
    const { tasks } = JSON.parse(text) as { tasks: { task: string; generation: string }[] };
    generation = tasks.find((found) => found.task === task)!.generation;
  });
  after(() => cluster.end());

  /** Eight peers, each of which wants the whole object again and again. */
  async function eightUploads(): Promise<{ readonly bytes: () => number; stop(): void }> {
    let bytes = 0;
    const peers = await Promise.all(
      Array.from({ length: 8 }, async (_, index) => {
        const peer = await RawPeer.dial(host.port, "/pieces", `peer${index}`);
        assert.ok(typeof (await peer.open(task, generation)) !== "string", "the host serves it");
        const all = Array.from({ length: heldPieces }, (_, piece) => piece);
        let came = 0;
        peer.onPiece = (_, piece) => {
          bytes += piece.length;
          if (++came % heldPieces === 0) peer.want(all);
        };
        peer.want(all);
        return peer;
      }),
    );
    return {
      bytes: () => bytes,
      stop() {
        for (const peer of peers) peer.close();
      },
    };
  }

  /** Four downloads at a time, each followed by the next until the end. */
  function fourDownloads(): { stop(): Promise<void> } {
    let stopped = false;
    const running = new Set<Dfget>();
    const work = async (): Promise<void> => {
      while (!stopped) {
        const path = `/object${++made}`;
        const url = cluster.serve(path, { body: { sizeBytes: 40 * pieceBytes, seed: made } });
        const dfget = cluster.dfget(host, url, `got${made}`);
        running.add(dfget);
        const outcome = await dfget.outcome;
        running.delete(dfget);
        if (outcome.signal === null) cluster.assertIntact(outcome, dfget.output, path);
        fs.rmSync(dfget.output, { force: true });
      }
    };
    const all = Promise.all([work(), work(), work(), work()]);
    return {
      async stop() {
        stopped = true;
        for (const { child } of running) child.kill("SIGKILL");
        await all;
      },
    };
  }

  async function watch(ms: number, label: string): Promise<Sample[]> {
    const samples: Sample[] = [];
    for (const endMs = performance.now() + ms; performance.now() < endMs; await delay(sampleEveryMs)) {
      const askedMs = performance.now();
      const { text } = await host.get("/metrics");
      const heardMs = performance.now();
      const bytes = metricIn(text, "darner_limited_bytes", `limit="${label}"`);
      samples.push({ askedMs, heardMs, bytes, active: metricIn(text, "darner_uploads_active") });
    }
    return samples;
  }

  /** What the kernel counts for the process; `write_bytes` are those on their way to a disk. */
  function io(): { rchar: number; write_bytes: number } {
    const text = fs.readFileSync(`/proc/${host.pid}/io`, "utf8");
    const read = (name: string): number => Number(new RegExp(`^${name}: (\\d+)$`, "m").exec(text)![1]);
    return { rchar: read("rchar"), write_bytes: read("write_bytes") };
  }

  for (const name of limits) {
    test(`${name.replace("_", " ")} at ${limit} a second`, async () => {
      const setting = `${name.replace("_", "-")}-rate`;
      // Twice what is tested: enough to want more, and the machine is not busy with uploads alone.
      await host.change("upload-rate", "20MB");
      const uploads = await eightUploads();
      const downloads = fourDownloads();
      try {
        const counted = (): Promise<number> => host.metric("darner_limited_bytes", 'limit="diskWrite"');
        const atStart = await counted();
        await until(async () => (await counted()) > atStart + 4 * pieceBytes, "downloads run");
        await until(() => uploads.bytes() > 4 * pieceBytes, "uploads run");
        await host.change(setting, limit);
        const changedMs = performance.now();
        const samples = await watch(watchMs, labels[name]);
        const before = io();
        const watched = samples.filter(({ askedMs }) => askedMs - changedMs > 50);
        const most = busiestSecond(watched);
        const seconds = (samples.at(-1)!.heardMs - samples[0]!.askedMs) / 1000;
        const mean = (samples.at(-1)!.bytes - samples[0]!.bytes) / seconds;
        console.log(`${setting} at ${limit}: at most ${(most / 1e6).toFixed(2)} MB in any second`);
        assert.ok(most <= windowBytesMax, `${most} bytes in a second`);
        assert.ok(mean > 6_000_000, `the limit is used: ${mean} bytes a second`);
        assert.ok(Math.max(...samples.map(({ active }) => active)) <= 8, "no more uploads than slots");
        if (name === "disk_write") {
          const startedMs = performance.now();
          await delay(1000);
          const written = io().write_bytes - before.write_bytes;
          const rate = (written * 1000) / (performance.now() - startedMs);
          // Journals and page rounding come on top; a file system in memory counts nothing.
          assert.ok(rate <= 1.1 * windowBytesMax, `the kernel counts ${rate} bytes a second written`);
        }
      } finally {
        await host.change(setting, "unlimited");
        await host.change("upload-rate", "unlimited");
        uploads.stop();
        await downloads.stop();
      }
    });
  }

  test("the kernel counts no more read for uploads than the limit", async () => {
    await host.change("disk-read-rate", limit);
    const uploads = await eightUploads();
    try {
      await delay(300);
      const [before, startedMs] = [io().rchar, performance.now()];
      await delay(1500);
      const rate = ((io().rchar - before) * 1000) / (performance.now() - startedMs);
      assert.ok(rate <= 1.05 * windowBytesMax && rate > 5_000_000, `${rate} bytes a second read`);
    } finally {
      uploads.stop();
      await host.change("disk-read-rate", "unlimited");
    }
  });

  test("a limit that changes holds within a second, up and down; so do slots", async () => {
    await host.change("upload-rate", "2MB");
    const uploads = await eightUploads();
    try {
      // No more than that: the two figures are of moments within the time that they are divided by.
      const rateOver = async (ms: number): Promise<number> => {
        const startedMs = performance.now();
        const before = await host.metric("darner_limited_bytes", 'limit="upload"');
        await delay(ms);
        const bytes = (await host.metric("darner_limited_bytes", 'limit="upload"')) - before;
        return (bytes * 1000) / (performance.now() - startedMs);
      };
      await delay(500);
      assert.ok((await rateOver(700)) < 2_400_000);
      await host.change("upload-rate", "20MB");
      await delay(500);
      const faster = await rateOver(700);
      assert.ok(faster > 5_000_000 && faster < 22_000_000, `${faster}`);
      await host.change("upload-rate", "2MB");
      await delay(500);
      assert.ok((await rateOver(700)) < 2_400_000);
      await host.change("upload-rate", "20MB");
      await host.change("upload-slots", "2");
      await until(async () => (await host.metric("darner_uploads_active")) <= 2, "those under way end", 3000);
      const samples = await watch(500, "upload");
      assert.ok(Math.max(...samples.map(({ active }) => active)) <= 2, "no more uploads than the two slots");
    } finally {
      uploads.stop();
      await host.change("upload-slots", "8");
      await host.change("upload-rate", "unlimited");
    }
  });
});
