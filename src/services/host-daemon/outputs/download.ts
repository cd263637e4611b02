/**
 * One client's download: an ask, an output, and the events that it is told. Several downloads of one
 * object share one HostTask; the first output is the task's store, the others get checked copies.
 */

import { errorToWire, type DarnerError } from "#base/mod.ts";
import type { Wish } from "#core/download/mod.ts";
import type { DownloadAsk, DownloadEvent } from "#core/protocol/mod.ts";
import type { Clock, Timer } from "#platform/machine/clock.ts";
import { shown } from "#transfer/mod.ts";
import { lastModifiedOf, verifiedBytes, wishFor, type HostTask } from "../tasks/mod.ts";
import { proveSpan, spanOf } from "./output-copy.ts";
import type { SideOutput } from "./side-output.ts";

const progressEveryMs = { min: 100, usual: 200, max: 2000 } as const;
/** A client that hears nothing for long takes the daemon for dead. */
const quietMsMax = 2000;
const settleWaitMs = 30_000;
const noBytes = { origin: 0, peers: 0, local: 0 };

export interface DownloadOptions {
  readonly clock: Clock;
  readonly id: string;
  readonly ask: DownloadAsk;
  readonly uid: number | undefined;
  readonly tell: (event: DownloadEvent) => void;
  /** The object is to lie sealed on this host, so that its user's output cannot be what is served from. */
  readonly sealed: boolean;
}

export class Download {
  readonly id: string;
  readonly ask: DownloadAsk;
  readonly uid: number | undefined;
  readonly #options: DownloadOptions;
  #task: HostTask | undefined;
  #progressTimer: Timer | undefined;
  #progressed = false;
  #toldMs: number;
  #settled: (() => void) | undefined;
  /** What the client wants of the object. */
  readonly wish: Wish;
  #begun = Promise.withResolvers<HostTask>();
  /** Readers of the body that have not come to its end. */
  #reading = 0;
  #wasRead = false;
  over = false;
  readonly #ended = Promise.withResolvers<void>();
  #restarted = Promise.withResolvers<void>();
  /** The object is got into the cache, and the output made from there. */
  viaCache: boolean;

  constructor(options: DownloadOptions) {
    this.#options = options;
    this.id = options.id;
    this.ask = options.ask;
    this.uid = options.uid;
    const { range, output } = options.ask;
    this.viaCache = range !== undefined || options.sealed;
    this.wish = wishFor(range, output.kind === "stream");
    this.#begun.promise.catch(() => undefined);
    this.#toldMs = options.clock.nowMs();
    this.#tick();
  }

  get task(): HostTask | undefined {
    return this.#task;
  }

  /** At most so many bytes of the object are wanted; Infinity for all of it. */
  get wishedBytes(): number {
    return this.wish.end - this.wish.start;
  }

  follow(task: HostTask): void {
    this.#task = task;
    task.wish(this.wish);
    this.#begun.resolve(task);
    const { lengthBytes } = task;
    const length = lengthBytes === undefined ? {} : { lengthBytes };
    this.#options.tell({ event: "started", id: this.id, url: shown(this.ask.url), ...length });
  }

  /** Resolves when there is a task that it follows. */
  whenBegun(): Promise<HostTask> {
    return this.#begun.promise;
  }

  /** The task that it followed ended for what was another's trouble: it is to follow one that begins anew. */
  restart(): void {
    const { resolve } = this.#restarted;
    this.#task = undefined;
    this.#begun = Promise.withResolvers<HostTask>();
    this.#begun.promise.catch(() => undefined);
    this.#restarted = Promise.withResolvers<void>();
    resolve();
  }

  /** Whether another task takes the place of this one, which was followed and ended so. */
  async goesOn(task: HostTask, error: unknown): Promise<boolean> {
    if (error !== task.readers.failure) return false;
    if (this.#task === task && !this.over) await Promise.race([this.#restarted.promise, this.#ended.promise]);
    return !this.over;
  }

  way(text: string, aloud = false): void {
    this.#options.tell({ event: "way", text, ...(aloud ? { aloud } : {}) });
  }

  retried(error: DarnerError, delayMs: number): void {
    this.#options.tell({ event: "retry", error: errorToWire(error), delayMs });
  }

  /** A piece came: the client hears of it soon. */
  progressed(): void {
    this.#progressed = true;
  }

  /** Resolves when the client was told the end, or went away before. */
  whenOver(): Promise<void> {
    return this.#ended.promise;
  }

  /** Resolves when what is wanted is here; throws `origin.range`, or why it will not come. */
  async untilHeld(task: HostTask): Promise<void> {
    const { readers, store } = task;
    while (!this.over && !readers.holds(this.wish)) {
      if (readers.version !== undefined && store.clearLengthBytes !== undefined)
        spanOf(this.ask.range, store.clearLengthBytes, this.ask.url);
      if (readers.failure !== undefined) throw readers.failure;
      await readers.news();
    }
  }

  /**
   * What is wanted is here; `side` is this client's own output when the task's store is another's or the
   * cache. `first`: the object came for this client.
   */
  async deliver(task: HostTask, side: SideOutput | undefined, first: boolean): Promise<void> {
    const { url, range, userDigest } = this.ask;
    const { store } = task;
    const digests = range === undefined ? (store.end?.digests ?? []) : [];
    const span = spanOf(range, store.clearLengthBytes ?? 0, url);
    if (userDigest !== undefined && !digests.includes(userDigest))
      await proveSpan(task, span, { digest: userDigest, url });
    const lengthBytes = span.end - span.start;
    if (side !== undefined) {
      await side.complete(task, span);
      const sealed = store.object?.seal !== undefined;
      this.way(sealed ? "opened out of the sealed copy" : "copied from what this host holds, piece by piece checked");
    }
    const local =
      first || side === undefined || range !== undefined ? task.bytes : { origin: 0, peers: 0, local: lengthBytes };
    const lastModified = lastModifiedOf(store.object);
    this.#finish({
      event: "done",
      lengthBytes,
      digests,
      bytes: { ...local },
      ...(lastModified === undefined ? {} : { lastModified }),
    });
  }

  fail(error: unknown): void {
    this.#begun.reject(error);
    this.#finish({ event: "failed", error: errorToWire(error) });
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

  /** The object's bytes in order as they are verified, for a client that writes them itself. What cuts them is told. */
  async *body(): AsyncGenerator<Uint8Array> {
    this.#reading++;
    const { position } = this.wish;
    try {
      for (let isWhole = false; !isWhole;) {
        const task = await this.whenBegun();
        try {
          yield* verifiedBytes(task, this.wish);
          isWhole = true;
        } catch (error) {
          // What was given cannot be taken back.
          if (this.wish.position !== position || !(await this.goesOn(task, error))) throw error;
        }
      }
    } catch (error) {
      this.fail(error);
      throw error;
    } finally {
      this.#wasRead = true;
      if (--this.#reading === 0) this.settle();
    }
  }

  /** Resolves when the client needs the task no more: it has read or settled it, or does not come for it. */
  async whenDone(): Promise<void> {
    if (this.#wasRead && this.#reading === 0) return;
    const settled = await this.whenSettled();
    if (!settled && this.#reading > 0) await new Promise<void>((resolve) => (this.#settled = resolve));
  }

  #finish(event: DownloadEvent): void {
    if (this.over) return;
    this.over = true;
    this.#ended.resolve();
    this.#progressTimer?.cancel();
    this.#options.tell(event);
  }

  /** Also while the task is being opened, which takes long where much has to be hashed again. */
  #tick(): void {
    const { clock } = this.#options;
    const asked = this.ask.progressEveryMs ?? progressEveryMs.usual;
    const everyMs = Math.max(progressEveryMs.min, Math.min(asked, progressEveryMs.max));
    this.#progressTimer = clock.after(everyMs, () => {
      if (this.#progressed || clock.nowMs() - this.#toldMs >= quietMsMax) {
        this.#progressed = false;
        this.#toldMs = clock.nowMs();
        const { lengthBytes, bytes } = this.#task ?? { lengthBytes: undefined, bytes: noBytes };
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
