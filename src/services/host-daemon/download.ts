/**
 * One client's download: an ask, an output, and the events that it is told. Several downloads of one
 * object share one HostTask; the first output is the task's store, the others get checked copies.
 */

import { DarnerError, errorToWire } from "#base/mod.ts";
import type { DownloadAsk, DownloadEvent } from "#core/protocol/mod.ts";
import type { Clock, Timer } from "#platform/clock.ts";
import type { DiskFile } from "#platform/disk.ts";
import type { EndRecord } from "#storage/pieces/mod.ts";
import { copyChecked, proveSpan, readChecked, spanOf } from "./output-copy.ts";
import type { HostTask } from "./host-task.ts";
import { lastModifiedOf } from "./object-record.ts";

const progressEveryMs = { min: 100, usual: 200, max: 2000 } as const;
/** A client that hears nothing for long takes the daemon for dead. */
const quietMsMax = 2000;
const settleWaitMs = 30_000;

export interface DownloadOptions {
  readonly clock: Clock;
  readonly id: string;
  readonly ask: DownloadAsk;
  readonly uid: number | undefined;
  readonly tell: (event: DownloadEvent) => void;
}

export class Download {
  readonly id: string;
  readonly ask: DownloadAsk;
  readonly uid: number | undefined;
  readonly #options: DownloadOptions;
  #task: HostTask | undefined;
  #progressTimer: Timer | undefined;
  #progressed = false;
  #toldMs = 0;
  #waiters: (() => void)[] = [];
  #settled: (() => void) | undefined;
  over = false;

  constructor(options: DownloadOptions) {
    this.#options = options;
    this.id = options.id;
    this.ask = options.ask;
    this.uid = options.uid;
  }

  get task(): HostTask | undefined {
    return this.#task;
  }

  follow(task: HostTask): void {
    this.#task = task;
    const { lengthBytes } = task;
    const length = lengthBytes === undefined ? {} : { lengthBytes };
    this.#options.tell({ event: "started", id: this.id, url: this.ask.url, ...length });
    this.#tick();
  }

  way(text: string): void {
    this.#options.tell({ event: "way", text });
  }

  /** A piece came: streams look again, the client hears of it soon. */
  progressed(): void {
    this.#progressed = true;
    const waiters = this.#waiters;
    this.#waiters = [];
    for (const wake of waiters) wake();
  }

  /** The task is whole; `copyTo` is this client's own output when the task's store is another's. */
  async deliver(task: HostTask, end: EndRecord, copyTo: DiskFile | undefined): Promise<void> {
    const { url, range, userDigest } = this.ask;
    const span = spanOf(range, end.lengthBytes, url);
    if (userDigest !== undefined && (range !== undefined || !end.digests.includes(userDigest))) {
      await proveSpan(task.store, end.lengthBytes, span, { digest: userDigest, url });
    }
    const lengthBytes = span.end - span.start;
    if (copyTo !== undefined) {
      await copyChecked(task.store, end.lengthBytes, span, copyTo);
      this.way("copied from what this host holds, piece by piece checked");
    }
    const local =
      copyTo === undefined || range !== undefined ? task.bytes : { origin: 0, peers: 0, local: lengthBytes };
    const lastModified = lastModifiedOf(task.store.object);
    this.progressed();
    this.#finish({
      event: "done",
      lengthBytes,
      digests: range === undefined ? end.digests : [],
      bytes: { ...local },
      ...(lastModified === undefined ? {} : { lastModified }),
    });
  }

  fail(error: unknown): void {
    this.#finish({ event: "failed", error: errorToWire(error) });
    this.progressed();
  }

  /** The client gave the output its final name. */
  settle(): void {
    this.#settled?.();
  }

  /** Resolves true when the client settled its output, false when it did not in time. */
  whenSettled(): Promise<boolean> {
    return new Promise((resolve) => {
      const timer = this.#options.clock.after(settleWaitMs, () => resolve(false), { background: true });
      this.#settled = () => {
        timer.cancel();
        resolve(true);
      };
    });
  }

  /** The object's bytes in order as they are verified, for a client that writes them itself. */
  async *body(): AsyncGenerator<Uint8Array> {
    const { range } = this.ask;
    const failed = (): DarnerError => new DarnerError("cluster.stalled", "cannot go on streaming: the download failed");
    for (let position = range?.start ?? 0; ;) {
      const task = this.#task;
      if (task === undefined) throw failed();
      const { store } = task;
      const total = store.end?.lengthBytes ?? store.lengthBytes;
      const end = Math.min(range?.end ?? Infinity, total ?? Infinity);
      // The object's last byte is held back until the whole is proved.
      if (position >= end && (task.whole || (total !== undefined && end < total))) return;
      const pieceBytes = store.object?.pieceBytes;
      const index = pieceBytes === undefined ? 0 : Math.floor(position / pieceBytes);
      const last = total !== undefined && pieceBytes !== undefined && (index + 1) * pieceBytes >= Math.min(end, total);
      const ready = pieceBytes !== undefined && total !== undefined && store.have.has(index) && (!last || task.whole);
      if (!ready) {
        if (this.over && !task.whole) throw failed();
        await new Promise<void>((resolve) => this.#waiters.push(resolve));
        continue;
      }
      const bytes = await readChecked(store, index, total);
      const from = position - index * pieceBytes;
      const until = Math.min(bytes.length, end - index * pieceBytes);
      yield bytes.subarray(from, until);
      position = index * pieceBytes + until;
    }
  }

  #finish(event: DownloadEvent): void {
    if (this.over) return;
    this.over = true;
    this.#progressTimer?.cancel();
    this.#options.tell(event);
  }

  #tick(): void {
    const { clock } = this.#options;
    const asked = this.ask.progressEveryMs ?? progressEveryMs.usual;
    const everyMs = Math.max(progressEveryMs.min, Math.min(asked, progressEveryMs.max));
    this.#progressTimer = clock.after(everyMs, () => {
      if (this.#task !== undefined && (this.#progressed || clock.nowMs() - this.#toldMs >= quietMsMax)) {
        this.#progressed = false;
        this.#toldMs = clock.nowMs();
        const { lengthBytes, bytes } = this.#task;
        this.#options.tell({
          event: "progress",
          bytes: { ...bytes },
          ...(lengthBytes === undefined ? {} : { lengthBytes }),
        });
      }
      if (!this.over) this.#tick();
    });
  }
}
