/**
 * The host daemon: owns the host's downloads, uploads, limits and cache. dfget asks it over its unix
 * socket; peers fetch from it on its TCP port.
 *
 * Invariants:
 *  1. One HostTask per task at a time, however many clients want it.
 *  2. No path that a client names is opened: an output comes as open descriptors, of regular files.
 *  3. A finished output is served only while its file is exactly as it was when it was settled.
 */

import { DarnerError } from "#base/mod.ts";
import type { DownloadAsk, DownloadEvent } from "#core/protocol/mod.ts";
import type { Connection } from "#platform/connection.ts";
import type { DiskFile } from "#platform/disk.ts";
import { PieceFile, type EndRecord } from "#storage/pieces/mod.ts";
import { bothGates, limitedFile, ParentPool, taskIdOf, Uploads } from "#transfer/mod.ts";
import { assertMayRead, mayShare } from "./asker.ts";
import { closeOutput, takeOutput, type ClientOutput } from "./client-output.ts";
import { registerDaemonMetrics } from "./daemon-metrics.ts";
import type { HostDaemonOptions, HostDaemonSettings } from "./daemon-options.ts";
import { Download } from "./download.ts";
import { newHostLimits, setHostLimits, type HostLimits } from "./host-limits.ts";
import { HostTask } from "./host-task.ts";
import { taskAskOf } from "./host-task-options.ts";
import { ManagerClient } from "./manager-client.ts";
import { Preheats } from "./preheats.ts";
import { SmallObjects } from "./small-objects.ts";
import { cardOf, refusalTo } from "./to-peers.ts";
import { unchangedFromNow } from "./unchanged.ts";

/** Finished tasks that are kept to be served; the oldest leave first. */
const keptTasksMax = 256;
const downloadsMax = 4096;
const confirmWaitMs = 10_000;
/** A task of which only parts were wanted is kept open this long for the next part. */
const partialLingerMs = 10_000;

interface Running {
  readonly task: HostTask;
  readonly followers: Set<Download>;
  readonly ended: Promise<EndRecord>;
  /** The client whose output the store is; undefined once it went away. */
  owner: Download | undefined;
  /** Set once nobody writes to the store any more. */
  intact?: () => Promise<boolean>;
  /** The folder in the cache that holds the task's files, when no client's output does. */
  readonly folder: string | undefined;
}

export class HostDaemon {
  readonly uploads: Uploads;
  readonly #options: HostDaemonOptions;
  readonly #limits: HostLimits;
  readonly #pool: ParentPool;
  readonly #manager: ManagerClient | undefined;
  /** Undefined without a manager. */
  readonly small: SmallObjects | undefined;
  readonly #tasks = new Map<string, Running>();
  /** Tasks whose files are being closed: who wants one of them again waits. */
  readonly #closing = new Map<string, Promise<void>>();
  readonly #downloads = new Map<string, Download>();
  #settings: HostDaemonSettings;
  #bytes = { origin: 0, peers: 0, local: 0 };
  lastUsedMs: number;

  constructor(options: HostDaemonOptions) {
    this.#options = options;
    this.#settings = options.settings;
    const { clock, random, log, dialler, directory, key, trust, isRevoked, settings } = options;
    this.lastUsedMs = clock.nowMs();
    this.#limits = newHostLimits(clock, settings);
    this.uploads = new Uploads({
      clock,
      log,
      trust,
      limiter: bothGates(this.#limits.upload, this.#limits.diskRead),
      slots: settings.uploadSlots,
      refusal: (request, host) => refusalTo(options, this.#manager, request, host),
    });
    this.#pool = new ParentPool({
      clock,
      dialler,
      limiter: this.#limits.download,
      host: key.id,
      ...(trust ? { key } : {}),
    });
    if (directory !== undefined) {
      const preheats = new Preheats((ask, tell) => this.begin(ask, undefined, tell));
      const own = { card: () => cardOf(options), onRecheck: this.#recheck.bind(this), onFetch: preheats.heard };
      this.#manager = new ManagerClient({ clock, random, log, dialler, directory, isRevoked, ...own });
      this.small = new SmallObjects({ ...options, manager: this.#manager, limiter: this.#limits.download });
    }
    registerDaemonMetrics(options.metrics, {
      trust,
      uploads: this.uploads,
      limits: { ...this.#limits },
      managerConnected: () => this.#manager?.connected === true,
      tasks: () => this.#tasks.size,
      downloads: () => this.#downloads.size,
      parents: () => this.#pool.size,
      finished: () => ({ ...this.#bytes, peers: this.#bytes.peers + (this.small?.bytes ?? 0) }),
    });
  }

  /** Looks for a manager: peers can reach this host's port from now on. */
  start(): void {
    this.#manager?.start();
  }

  /** Whether a manager answers, or none is wanted. */
  get managerConnected(): boolean {
    return this.#manager?.connected ?? true;
  }

  get manager(): ManagerClient | undefined {
    return this.#manager;
  }

  /** Nothing is being got or sent. */
  get idle(): boolean {
    return this.#downloads.size === 0 && this.uploads.active === 0 && this.small?.idle !== false;
  }

  /** Changes what may change while running. */
  applySettings(settings: HostDaemonSettings): void {
    this.#settings = settings;
    setHostLimits(this.#limits, settings);
    this.uploads.setSlots(settings.uploadSlots);
  }

  /** Ends every connection of members that count no longer. */
  revoke(members: ReadonlySet<string>): void {
    this.uploads.dropHosts(members);
    this.#manager?.revoke(members);
  }

  /** A peer's piece connection. */
  acceptPieces(connection: Connection, host: string, nonce: string): ReturnType<Uploads["accept"]> {
    return this.uploads.accept(connection, host, nonce);
  }

  /** Whether the task is being got or served. */
  has(task: string): boolean {
    return this.#tasks.has(task) || this.#closing.has(task);
  }

  download(id: string): Download | undefined {
    return this.#downloads.get(id);
  }

  /** Begins or joins a download; `tell` hears until `done` or `failed`. Returns what ends it early. */
  begin(
    ask: DownloadAsk,
    uid: number | undefined,
    tell: (event: DownloadEvent) => void,
  ): { id: string; abandon(): void } {
    if (this.#downloads.size >= downloadsMax) {
      throw new DarnerError("cluster.refused", `cannot take another download: ${downloadsMax} run`, {
        retry: { afterMs: 1000 },
      });
    }
    const id = Buffer.from(this.#options.random.bytes(12)).toString("hex");
    const download = new Download({ clock: this.#options.clock, id, ask, uid, tell });
    this.#downloads.set(id, download);
    this.lastUsedMs = this.#options.clock.nowMs();
    void this.#run(download).catch((error: unknown) => {
      download.fail(error);
      this.#downloads.delete(id);
    });
    return { id, abandon: () => this.#abandon(download) };
  }

  async stop(): Promise<void> {
    const gone = new DarnerError("daemon.gone", "cannot go on: the host daemon stops; ask again when it is back");
    await Promise.all([...this.#tasks.keys()].map((task) => this.#drop(task, gone)));
    this.#manager?.stop();
    this.#pool.close();
    this.uploads.close();
  }

  async #run(download: Download): Promise<void> {
    const { ask } = download;
    const task = taskIdOf(ask);
    const { disk, inbox } = this.#options;
    const output = await takeOutput(ask.output, download.uid, { disk, inbox, pace: (file) => this.#paced(file) });
    try {
      if (!(await this.#serve(task, download, output, false))) await this.#serve(task, download, output, true);
    } finally {
      await this.#closing.get(task);
      const used = output !== undefined && this.#tasks.get(task)?.task.store.content === output.content;
      if (output !== undefined && !used) await closeOutput(output);
    }
  }

  /** False when a stored piece turned out to be spoiled as it was copied, unless this is the last try. */
  async #serve(task: string, download: Download, output: ClientOutput | undefined, last: boolean): Promise<boolean> {
    // The part of an object that a client wants is copied out of the whole one in the cache.
    const running = await this.#taskFor(task, download, download.ask.range === undefined ? output : undefined);
    if (download.over) return true;
    running.followers.add(download);
    download.follow(running.task);
    if (download.ask.range === undefined) await running.ended;
    else await download.untilHeld(running.task);
    const own = running.owner === download;
    try {
      await download.deliver(running.task, own ? undefined : output?.content);
    } catch (error) {
      // Its own digest failed, say: the object is good for others, as long as its file is there.
      if (own) {
        running.owner = undefined;
        await this.#serveWhileIntact(task, running);
      }
      const isSpoiled = running.task.whole && !running.task.store.have.full;
      if (isSpoiled) await this.#drop(task, new DarnerError("interrupted", "a stored piece was spoiled"));
      if (isSpoiled && !own && !last) return false;
      throw error;
    }
    this.#count(running.task, own || output === undefined);
    if (own) void this.#serveWhenSettled(task, running, download);
    else void download.whenDone().then(() => this.#done(task, running, download));
    if (!own && running.owner === undefined && running.task.whole) await this.#serveWhileIntact(task, running);
    return true;
  }

  /** The file under the host's disk limits. */
  #paced(file: DiskFile): DiskFile {
    return limitedFile(file, this.#limits.diskRead, this.#limits.diskWrite);
  }

  /** The running or kept task that this download shares, or a new one. */
  async #taskFor(task: string, download: Download, output: ClientOutput | undefined): Promise<Running> {
    const known = this.#tasks.get(task);
    if (known !== undefined) {
      if (!mayShare(known.task.ask, download.ask)) await assertMayRead(this.#manager, task, download.ask);
      if (!known.task.whole) {
        // Nothing of it runs: is it still what the manager gives? A newer version takes its place by itself.
        if (known.task.mayLinger) await known.task.confirm(confirmWaitMs);
        download.way("shares the download that runs on this host");
        if (this.#tasks.get(task) === known) return known;
        return await this.#begin(task, download, output);
      }
      const intact = (await known.intact?.()) ?? true;
      if (intact && (await known.task.confirm(confirmWaitMs)) && this.#tasks.get(task) === known) {
        download.way("this host has the object");
        return known;
      }
      await this.#drop(task, new DarnerError("interrupted", "a newer version took its place"));
    }
    return await this.#begin(task, download, output);
  }

  async #begin(task: string, download: Download, output: ClientOutput | undefined): Promise<Running> {
    const { clock, random, log, origin, boot, cache, trust } = this.#options;
    const { ask } = download;
    await this.#closing.get(task);
    await this.small?.over(task);
    const folder =
      output === undefined ? (cache.latest(task) ?? Buffer.from(random.bytes(8)).toString("hex")) : undefined;
    const store =
      output === undefined
        ? await cache.hold(task, folder!, (file) => this.#paced(file))
        : await PieceFile.open({ ...output, boot, clock, spaceAhead: true });
    const raced = this.#tasks.get(task);
    if (raced !== undefined) {
      if (folder !== undefined) await cache.release(task, folder);
      return raced;
    }
    const followers = new Set<Download>();
    const hostTask = new HostTask({
      clock,
      random,
      log,
      origin,
      store,
      task,
      trust,
      pool: this.#pool,
      uploads: this.uploads,
      manager: this.#manager,
      limits: this.#limits,
      settings: () => this.#settings,
      ask: taskAskOf(ask),
      mode: ask.mode,
      backToSource: ask.backToSource,
      triesMax: ask.triesMax,
      ...(ask.rateBytesPerSecond === undefined ? {} : { rateBytesPerSecond: ask.rateBytesPerSecond }),
      reserve: async (lengthBytes) => {
        if (folder !== undefined) await cache.reserve(task, folder, Math.min(lengthBytes, download.wishedBytes));
      },
      onWay: (text) => {
        for (const follower of followers) follower.way(text);
      },
      onProgress: () => {
        for (const follower of followers) follower.progressed();
      },
      onUnreadable: (piece) => void this.#recheck({ task, piece }),
    });
    hostTask.wish(download.wish);
    const owner = output === undefined ? undefined : download;
    const running: Running = { task: hostTask, followers, folder, owner, ended: hostTask.run() };
    this.#tasks.set(task, running);
    running.ended.catch((error: unknown) => this.#failed(task, running, error));
    return running;
  }

  #failed(task: string, running: Running, error: unknown): void {
    if (this.#tasks.get(task) !== running) return;
    void this.#drop(task, error instanceof DarnerError ? error : new DarnerError("internal", String(error)));
  }

  async #drop(task: string, reason: DarnerError): Promise<void> {
    const running = this.#tasks.get(task);
    if (running === undefined) return;
    this.#tasks.delete(task);
    const logged = (error: unknown): void =>
      this.#options.log.warn("task.close-failed", { task, message: String(error) });
    running.task.stop(reason);
    const closed =
      running.folder === undefined ? running.task.store.close() : this.#options.cache.release(task, running.folder);
    const closing = closed.catch(logged).finally(() => this.#closing.delete(task));
    this.#closing.set(task, closing);
    await closing;
  }

  /** A client needs its task no more. */
  #done(task: string, running: Running, download: Download): void {
    this.#downloads.delete(download.id);
    if (!this.#leave(running, download) || running.followers.size > 0 || running.task.whole) return;
    const drop = (): void => {
      if (running.followers.size > 0 || running.task.whole || this.#tasks.get(task) !== running) return;
      void this.#drop(task, new DarnerError("interrupted", "nobody on this host wants it any more"));
    };
    // The next part of it is perhaps asked for in a moment; a client's own files are let go at once.
    const lingers = running.folder !== undefined && running.task.mayLinger;
    if (lingers) this.#options.clock.after(partialLingerMs, drop, { background: true });
    else drop();
  }

  #leave(running: Running, download: Download): boolean {
    running.task.unwish(download.wish);
    return running.followers.delete(download);
  }

  /** The client went away: a task that nobody else wants stops; what it stored stays in its files. */
  #abandon(download: Download): void {
    if (!download.over) download.fail(new DarnerError("interrupted", "the client went away"));
    for (const [task, running] of this.#tasks) {
      if (running.owner === download) running.owner = undefined;
      this.#done(task, running, download);
    }
  }

  /** After the client gave its output the final name: serve from it while it stays what it was. */
  async #serveWhenSettled(task: string, running: Running, download: Download): Promise<void> {
    const settled = await download.whenSettled();
    this.#downloads.delete(download.id);
    this.#leave(running, download);
    if (this.#tasks.get(task) !== running) return;
    if (settled) return await this.#serveWhileIntact(task, running);
    await this.#drop(task, new DarnerError("interrupted", "its output was not given a name"));
  }

  async #serveWhileIntact(task: string, running: Running): Promise<void> {
    if (running.intact !== undefined) return;
    const unchanged = await unchangedFromNow(running.task.store.content);
    running.intact = async () => {
      const intact = await unchanged();
      if (!intact && this.#tasks.get(task) === running)
        void this.#drop(task, new DarnerError("interrupted", "its output was changed"));
      return intact;
    };
    this.uploads.guard(task, running.task.generation ?? "", running.intact);
    const kept = [...this.#tasks].filter(([, other]) => other.task.whole && other.followers.size === 0);
    for (const [oldest] of kept.slice(0, Math.max(0, kept.length - keptTasksMax))) {
      await this.#drop(oldest, new DarnerError("interrupted", "newer tasks took its place"));
    }
  }

  /** A whole object with a spoiled piece is no source any more; of one that is being got the piece is got again. */
  async #recheck({ task, piece }: { readonly task: string; readonly piece: number }): Promise<void> {
    const running = this.#tasks.get(task);
    const spoiled = (await running?.task.store.findSpoiled(piece)) ?? [];
    for (const index of spoiled) running?.task.spoiled(index);
    const reason = new DarnerError("interrupted", "its file was changed");
    if (spoiled.length > 0 && running?.task.whole) await this.#drop(task, reason);
  }

  #count(task: HostTask, firstTaker: boolean): void {
    if (!firstTaker) return void (this.#bytes.local += task.lengthBytes ?? 0);
    this.#bytes.origin += task.bytes.origin;
    this.#bytes.peers += task.bytes.peers;
    this.#bytes.local += task.bytes.local;
  }
}
