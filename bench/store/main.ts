/**
 * `npm run bench:store -- [--tasks 10000] [--tb 1] [--runs 5]`: what bytes at rest cost.
 *
 * Start: a data directory of so many tasks with sparse content of so many TB; how long its catalogue
 * takes to read, and the whole command `darner cluster-manager` until it answers. Journal: CPU of
 * storing pieces of 64 KiB with and without the journal, its writes and bytes, and how long the
 * journal of the largest object takes to read. Files lie in TMPDIR. Prints medians, appends a line to
 * bench/results/store.jsonl.
 */

import { spawn } from "node:child_process";
import { once } from "node:events";
import { appendFileSync, mkdirSync, mkdtempSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { bytesJoin } from "#base/mod.ts";
import { readBootTag } from "#platform/machine/boot.node.ts";
import { nodeClock } from "#platform/machine/clock.node.ts";
import type { DiskFile } from "#platform/files/disk.ts";
import { sha256, sha256Hex } from "#platform/keys/digest.ts";
import { nodeDisk } from "#platform/files/disk.node.ts";
import { checkOf, encodeRecord, firstCheck, PieceFile, TaskCache, type JournalRecord } from "#storage/pieces/mod.ts";
import { readFlags } from "../flags.ts";
import { machineFacts, median } from "../machine.ts";

const values = readFlags(import.meta.filename, {
  tasks: { type: "string", default: "10000" },
  tb: { type: "string", default: "1" },
  runs: { type: "string", default: "5" },
});
const root = new URL("../..", import.meta.url).pathname.replace(/\/$/, "");
const tasks = Number(values.tasks);
const objectBytes = Math.floor((Number(values.tb) * 1e12) / tasks);
const folder = mkdtempSync(join(tmpdir(), "bench-store-"));
const directory = `${folder}/cluster-manager`;
const piecesMeasured = 16_384;
const pieceBytes = 65_536;

/** Median of what each run gives. */
async function measured(run: () => number | Promise<number>): Promise<number> {
  const figures: number[] = [];
  for (let count = 0; count < Number(values.runs); count++) figures.push(await run());
  return median(figures);
}

function journalOf(records: readonly JournalRecord[]): Uint8Array {
  const encoded: Uint8Array[] = [];
  for (const record of records) encoded.push(encodeRecord(record, checkOf(encoded.at(-1) ?? firstCheck)));
  return bytesJoin(encoded);
}

function fillStore(): void {
  const pieces = Array.from({ length: 64 }, (_, index) => ({ index, digest: new Uint8Array(32).fill(index) }));
  const lengthBytes = objectBytes;
  const journal = journalOf([
    { kind: "object", url: "http://origin/a", generation: "g", pieceBytes: 1024 * 1024, lengthBytes },
    { kind: "pieces", mark: new Uint8Array(8), pieces },
  ]);
  for (let task = 0; task < tasks; task++) {
    const path = `${directory}/tasks/${sha256Hex(String(task))}/0123456789abcdef`;
    mkdirSync(path, { recursive: true });
    writeFileSync(`${path}/journal`, journal);
    writeFileSync(`${path}/content`, "");
    truncateSync(`${path}/content`, objectBytes);
  }
}

async function catalogueMs(): Promise<number> {
  const startMs = performance.now();
  const cache = await TaskCache.open({
    disk: nodeDisk,
    directory,
    boot: readBootTag(),
    clock: nodeClock,
    quotaBytes: () => Infinity,
    highWatermark: () => 1,
    lowWatermark: () => 1,
    spaceAhead: true,
  });
  const ms = performance.now() - startMs;
  if (cache.count !== tasks) throw new Error(`${cache.count} of ${tasks} tasks were found`);
  return ms;
}

/** From the command to its first answer. */
async function startMs(): Promise<number> {
  const port = 18_000 + Math.floor(Math.random() * 10_000);
  const listen = `127.0.0.1:${port}`;
  const begunMs = performance.now();
  const parameters = ["cluster-manager", "--trust", "off", "--data-dir", folder, "--listen", listen];
  const child = spawn(`${root}/bin/darner`, parameters, { stdio: "ignore" });
  try {
    for (;;) {
      if (performance.now() - begunMs > 60_000) throw new Error("the cluster manager does not answer");
      const answer = await fetch(`http://${listen}/healthz`).catch(() => undefined);
      if (answer?.ok === true) return performance.now() - begunMs;
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  } finally {
    child.kill();
    await once(child, "exit");
  }
}

/** Counts what is written to a file. */
function counted(file: DiskFile, onWrite: (bytes: number) => void): DiskFile {
  return new Proxy(file, {
    get(target, name: keyof DiskFile) {
      if (name === "write") {
        return (bytes: Uint8Array, position: number) => (onWrite(bytes.length), target.write(bytes, position));
      }
      const value = target[name];
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
}

interface StoreFigures {
  microseconds: number;
  writes: number;
  bytes: number;
}

/** CPU a piece, of all threads; `withJournal` false writes the content alone. */
async function storing(withJournal: boolean): Promise<StoreFigures> {
  const path = `${folder}/${withJournal ? "with" : "without"}`;
  const content = await nodeDisk.open(`${path}-content`, "keep");
  const journal = await nodeDisk.open(`${path}-journal`, "keep");
  let writes = 0;
  let bytes = 0;
  const watched = counted(journal, (count) => ((bytes += count), writes++));
  const file = await PieceFile.open({ content, journal: watched, boot: readBootTag(), clock: nodeClock });
  const lengthBytes = piecesMeasured * pieceBytes;
  await file.begin({ kind: "object", url: "http://origin/", generation: "g", pieceBytes, lengthBytes });
  const piece = new Uint8Array(pieceBytes).fill(1);
  const digest = sha256(piece);
  const before = process.cpuUsage();
  for (let index = 0; index < piecesMeasured; index += 8) {
    const several = [0, 1, 2, 3, 4, 5, 6, 7].map((more) => index + more);
    await Promise.all(
      several.map((at) => (withJournal ? file.put(at, piece, digest) : content.write(piece, at * pieceBytes))),
    );
  }
  if (withJournal) await file.flush();
  const { user, system } = process.cpuUsage(before);
  await file.close();
  return { microseconds: (user + system) / piecesMeasured, writes, bytes };
}

async function replayMs(): Promise<number> {
  const content = await nodeDisk.open(`${folder}/with-content`, "keep");
  const journal = await nodeDisk.open(`${folder}/with-journal`, "keep");
  const startedMs = performance.now();
  const file = await PieceFile.open({ content, journal, boot: readBootTag() });
  const ms = performance.now() - startedMs;
  if (!file.have.full) throw new Error("the journal does not tell of every piece");
  await file.close();
  return ms;
}

try {
  fillStore();
  const journal = { writes: 0, bytes: 0 };
  const figures = {
    tasks,
    contentBytes: objectBytes * tasks,
    catalogueMs: await measured(catalogueMs),
    startMs: await measured(startMs),
    pieceBytes,
    storeMicrosecondsPerPiece: await measured(async () => (await storing(false)).microseconds),
    storeAndJournalMicrosecondsPerPiece: await measured(async () => {
      const { microseconds, ...rest } = await storing(true);
      Object.assign(journal, rest);
      return microseconds;
    }),
    journalWritesPer1000Pieces: (journal.writes / piecesMeasured) * 1000,
    journalBytesPerPiece: journal.bytes / piecesMeasured,
    journalReadMs: await measured(replayMs),
  };
  process.stdout.write(`${JSON.stringify(figures, null, 2)}\n`);
  const result = { bench: "store", ...figures, runs: Number(values.runs), machine: machineFacts() };
  appendFileSync(`${root}/bench/results/store.jsonl`, `${JSON.stringify(result)}\n`);
} finally {
  rmSync(folder, { recursive: true, force: true });
}
