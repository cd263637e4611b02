/**
 * The tasks of this host: those that run, and those that are kept to be served to peers. A download
 * shares one or begins one; here they end.
 *
 * Invariants:
 *  1. One HostTask per task at a time, however many clients want it.
 *  2. A finished output is served only while its file is exactly as it was when it was settled.
 */

import { asDarnerError, DarnerError } from "#base/mod.ts";
import type { DiskFile } from "#platform/files/disk.ts";
import { reserveRoom } from "#storage/pieces/mod.ts";
import { limitedFile, mustSeal, type ParentPool, type Uploads } from "#transfer/mod.ts";
import type { ManagerClient } from "../cluster/mod.ts";
import type { HostDaemonOptions, HostDaemonSettings } from "../daemon-options.ts";
import type { HostLimits } from "../host-limits.ts";
import { type ClientOutput, type Download, unchangedFromNow } from "../outputs/mod.ts";
import { askedOf, assertMayRead, HostTask, mayShare } from "../tasks/mod.ts";
import { keptTasks, storeTaken, type Running } from "./running.ts";
import { closeStore, openStore, type TaskStore } from "./task-store.ts";

/** Finished tasks that are kept to be served; the oldest leave first. */
const keptTasksMax = 256;
const confirmWaitMs = 10_000;
/** A task of which only parts were wanted is kept open this long for the next part. */
const partialLingerMs = 10_000;

/** Somebody could not read this piece here, or got other bytes. */
export interface AskedRecheck {
  readonly task: string;
  readonly piece: number;
}

export interface HostTasksOptions extends Omit<HostDaemonOptions, "settings"> {
  readonly settings: () => HostDaemonSettings;
  readonly limits: HostLimits;
  readonly pool: ParentPool;
  readonly uploads: Uploads;
  readonly manager: ManagerClient | undefined;
  /** Resolves when nothing else on this host gets the task. */
  readonly whenFree: (task: string) => Promise<void>;
}

export class HostTasks {
  readonly #options: HostTasksOptions;
  readonly #tasks = new Map<string, Running>();
  /** Those whose files are being opened, with their tasks. */
  readonly #opening = new Set<{ readonly task: string }>();
  #stopped: DarnerError | undefined;
  /** Tasks whose files are being closed: who wants one of them again waits. */
  readonly #closing = new Map<string, Promise<void>>();

  constructor(options: HostTasksOptions) {
    this.#options = options;
  }

  get size(): number {
    return this.#tasks.size;
  }

  /** Whether the task is being got or served, or its files are being opened or closed. */
  has(task: string): boolean {
    return this.#tasks.has(task) || this.#closing.has(task) || [...this.#opening].some((begun) => begun.task === task);
  }

  get(task: string): Running | undefined {
    return this.#tasks.get(task);
  }

  all(): Iterable<Running> {
    return this.#tasks.values();
  }

  /** Resolves when the task's files, if they were being closed, are. */
  async whenClosed(task: string): Promise<void> {
    await this.#closing.get(task);
  }

  /** Ends all of them; none begins any more. */
  async stop(reason: DarnerError): Promise<void> {
    this.#stopped = reason;
    await Promise.all([...this.#tasks.values()].map((running) => this.#drop(running, reason)));
  }

  /** No task uses this file as its store from now on, unless it is the one that `mayKeep`. */
  async free(place: string, mayKeep: string | undefined): Promise<void> {
    for (const running of this.#tasks.values())
      if (running.place === place && running.task.task !== mayKeep) await this.#drop(running, storeTaken());
  }

  /** The running or kept task that this download shares, or a new one; it follows it from here on. */
  async share(task: string, download: Download, output: ClientOutput | undefined): Promise<Running> {
    const known = this.#tasks.get(task);
    if (known !== undefined) {
      if (!mayShare(known.task.ask, download.ask)) await assertMayRead(this.#options.manager, task, download.ask);
      if (!known.task.whole) {
        // Nothing of it runs: is it still what the manager gives? A newer version takes its place by itself.
        if (known.task.mayLinger) await known.task.confirm(confirmWaitMs);
        download.way("shares the download that runs on this host");
        if (this.#tasks.get(task) === known) return followed(known, download);
        return await this.#begin(task, download, output);
      }
      if (!known.task.store.have.full) await this.dropSpoiled(known);
      const intact = (await known.intact?.()) ?? true;
      if (intact && (await known.task.confirm(confirmWaitMs)) && this.#tasks.get(task) === known) {
        download.way("this host has the object");
        return followed(known, download);
      }
      await this.#drop(known, new DarnerError("interrupted", "a newer version took its place"));
    }
    return await this.#begin(task, download, output);
  }

  /** The file under the host's disk limits. */
  paced(file: DiskFile): DiskFile {
    return limitedFile(file, this.#options.limits.diskRead, this.#options.limits.diskWrite);
  }

  #assertRuns(): void {
    if (this.#stopped !== undefined) throw this.#stopped;
  }

  /** Nothing else on this host gets the task meanwhile: small objects ask whether it is here. */
  async #open(task: string, output: ClientOutput | undefined): Promise<TaskStore> {
    const opening = { task };
    this.#opening.add(opening);
    try {
      await this.#closing.get(task);
      await this.#options.whenFree(task);
      return await openStore(this.#options, task, output, (file) => this.paced(file));
    } finally {
      this.#opening.delete(opening);
    }
  }

  async #begin(task: string, download: Download, output: ClientOutput | undefined): Promise<Running> {
    const { cache, trust } = this.#options;
    const { ask } = download;
    this.#assertRuns();
    const { store, folder } = await this.#open(task, output);
    if (this.#stopped !== undefined) await (folder === undefined ? store.close() : cache.release(task, folder));
    this.#assertRuns();
    const raced = this.#tasks.get(task);
    if (raced !== undefined) {
      followed(raced, download);
      if (folder !== undefined) await cache.release(task, folder);
      return raced;
    }
    const followers = new Set<Download>([download]);
    const isUnshared = ask.sensitive === true && !trust;
    if (isUnshared) download.way("not shared: with --trust off a sensitive object's key could be read on its way");
    const hostTask = new HostTask({
      ...this.#options,
      store,
      task,
      ...askedOf(ask),
      mayLieSealed: folder !== undefined,
      mustSeal: mustSeal(ask, trust, this.#options.settings().seal),
      mode: isUnshared ? "source" : ask.mode,
      reserve: async (lengthBytes) => {
        if (folder === undefined) return;
        const room = { cache, task, makeRoom: () => this.#makeRoom(), mayExceed: download.viaCache };
        await reserveRoom(room, folder, Math.min(lengthBytes, download.wishedBytes));
      },
      onWay: (text, aloud) => {
        for (const follower of followers) follower.way(text, aloud);
      },
      onRetry: (error, delayMs) => {
        for (const follower of followers) follower.retried(error, delayMs);
      },
      onProgress: () => {
        for (const follower of followers) follower.progressed();
      },
      onUnreadable: (piece) => void this.recheck({ task, piece }),
    });
    hostTask.wish(download.wish);
    const owner = output === undefined ? undefined : download;
    const place = output?.place;
    const running: Running = { task: hostTask, followers, folder, place, owner, taken: false, ended: hostTask.run() };
    this.#tasks.set(task, running);
    running.ended.then(
      () => this.serveWhileIntact(running),
      (error: unknown) => this.#drop(running, asDarnerError(error)),
    );
    return running;
  }

  /** Ends this task and closes its files. One that took its place is left alone. */
  async #drop(running: Running, reason: DarnerError): Promise<void> {
    const { task } = running.task;
    if (this.#tasks.get(task) !== running) return;
    this.#tasks.delete(task);
    const logged = (error: unknown): void =>
      this.#options.log.warn("task.close-failed", { task, message: String(error) });
    running.task.stop(reason);
    const closed = closeStore(this.#options, running, reason);
    const closing = closed.catch(logged).finally(() => this.#closing.delete(task));
    this.#closing.set(task, closing);
    await closing;
  }

  /** What nobody on this host wants any more ends, unless it is whole: then it is kept for peers. */
  dropUnwanted(running: Running): void {
    const isWanted = (): boolean => running.followers.size > 0 || running.task.whole;
    if (isWanted()) return;
    const drop = (): void => {
      if (!isWanted())
        void this.#drop(running, new DarnerError("interrupted", "nobody on this host wants it any more"));
    };
    // The next part of it is perhaps asked for in a moment; a client's own files are let go at once.
    const lingers = running.folder !== undefined && running.task.mayLinger;
    if (lingers) this.#options.clock.after(partialLingerMs, drop, { background: true });
    else drop();
  }

  /** What is left of it goes with what was found to be spoiled. */
  async dropSpoiled(running: Running): Promise<void> {
    const { store } = running.task;
    for (const index of await store.findSpoiled()) store.drop(index);
    await this.#drop(running, new DarnerError("interrupted", "a stored piece was spoiled"));
  }

  /** Nobody writes to its files or names them any more: it is served as long as they stay what they are. */
  async serveWhileIntact(running: Running): Promise<void> {
    const { task, whole } = running.task;
    const isFinal = whole && running.owner === undefined && this.#tasks.get(task) === running;
    if (!isFinal || running.intact !== undefined) return;
    const unchanged = await unchangedFromNow(running.task.store.content).catch(() => changed);
    running.intact = async () => {
      const intact = await unchanged();
      if (!intact) void this.#drop(running, new DarnerError("interrupted", "its output was changed"));
      return intact;
    };
    this.#options.uploads.guard(task, running.task.generation ?? "", async () => (await running.intact?.()) ?? true);
    const kept = keptTasks(this.#tasks.values());
    for (const oldest of kept.slice(0, Math.max(0, kept.length - keptTasksMax)))
      await this.#drop(oldest, new DarnerError("interrupted", "newer tasks took its place"));
  }

  /** What is kept to be served goes before what is wanted is refused. */
  async #makeRoom(): Promise<boolean> {
    const oldest = keptTasks(this.#tasks.values()).find(({ folder }) => folder !== undefined);
    if (oldest !== undefined) await this.#drop(oldest, new DarnerError("interrupted", "its room was needed"));
    return oldest !== undefined;
  }

  /** A whole object with a spoiled piece is no source any more; of one that is being got the piece is got again. */
  async recheck({ task, piece }: AskedRecheck): Promise<void> {
    const running = this.#tasks.get(task);
    if (running === undefined) return;
    const spoiled = await running.task.store.findSpoiled(piece);
    for (const index of spoiled) running.task.spoiled(index);
    const reason = new DarnerError("interrupted", "its file was changed");
    if (spoiled.length > 0 && running.task.whole) await this.#drop(running, reason);
  }
}

function followed(running: Running, download: Download): Running {
  running.followers.add(download);
  return running;
}

/** Of a file that cannot be looked at. */
const changed = (): Promise<boolean> => Promise.resolve(false);
