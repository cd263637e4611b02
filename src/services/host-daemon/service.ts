/**
 * The host daemon: owns the host's downloads, uploads, limits and cache. dfget asks it over its unix
 * socket; peers fetch from it on its TCP port.
 *
 * Invariants:
 *  1. One HostTask per task at a time, however many clients want it.
 *  2. No path that a client names is opened: an output comes as open descriptors, of regular files.
 *  3. A finished output is served only while its file is exactly as it was when it was settled.
 */

import { asDarnerError, DarnerError } from "#base/mod.ts";
import type { DownloadAsk, DownloadEvent, TaskAsk } from "#core/protocol/mod.ts";
import type { Connection } from "#platform/sockets/connection.ts";
import type { DiskFile } from "#platform/files/disk.ts";
import { reserveRoom } from "#storage/pieces/mod.ts";
import { bothGates, limitedFile, marked, mustSeal, ParentPool, taskIdOf, Uploads } from "#transfer/mod.ts";
import { assertMayRead, mayShare } from "./reading/mod.ts";
import { takeHand, type ClientOutput, type Hand, Download, unchangedFromNow } from "./outputs/mod.ts";
import { registerDaemonMetrics } from "./daemon-metrics.ts";
import type { HostDaemonOptions, HostDaemonSettings } from "./daemon-options.ts";
import { newHostLimits, setHostLimits, type HostLimits } from "./host-limits.ts";
import { HostTask, askedOf, keptTasks, type Running, isSealedSurprise, closeStore, openStore } from "./tasks/mod.ts";
import { ManagerClient, Preheats, cardOf, refusalTo } from "./cluster/mod.ts";
import { SmallObjects } from "./small/mod.ts";

/** Finished tasks that are kept to be served; the oldest leave first. */
const keptTasksMax = 256;
const downloadsMax = 4096;
const confirmWaitMs = 10_000;
/** A task of which only parts were wanted is kept open this long for the next part. */
const partialLingerMs = 10_000;

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
      const isMarked = (ask: TaskAsk): boolean => marked(ask, this.#settings.sensitiveUrls).sensitive === true;
      this.small = new SmallObjects({ ...options, manager: this.#manager, limiter: this.#limits.download, isMarked });
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
    asked: DownloadAsk,
    uid: number | undefined,
    tell: (event: DownloadEvent) => void,
  ): { id: string; abandon(): void } {
    if (this.#downloads.size >= downloadsMax) {
      throw new DarnerError("cluster.refused", `cannot take another download: ${downloadsMax} run`, {
        retry: { afterMs: 1000 },
      });
    }
    const id = Buffer.from(this.#options.random.bytes(12)).toString("hex");
    const { clock, trust } = this.#options;
    const ask = marked(asked, this.#settings.sensitiveUrls);
    const download = new Download({ clock, id, ask, uid, tell, sealed: mustSeal(ask, trust, this.#settings.seal) });
    this.#downloads.set(id, download);
    this.lastUsedMs = clock.nowMs();
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
    const hand = await takeHand(ask.output, download.uid, { disk, inbox, pace: (file) => this.#paced(file) });
    try {
      if (!(await this.#serve(task, download, hand, false))) await this.#serve(task, download, hand, true);
    } finally {
      await this.#closing.get(task);
      await hand.letGo(this.#tasks.get(task)?.task.store.content);
    }
  }

  /** False when a stored piece turned out to be spoiled as it was copied, unless this is the last try. */
  async #serve(task: string, download: Download, { output, side }: Hand, last: boolean): Promise<boolean> {
    // A part of an object is copied out of the whole one in the cache, a clear one out of the sealed.
    const running = await this.#taskFor(task, download, download.viaCache ? undefined : output);
    if (download.over) return true;
    running.followers.add(download);
    download.follow(running.task);
    if (side !== undefined && download.viaCache && download.ask.range === undefined) running.task.outputs.add(side);
    try {
      if (download.ask.range === undefined) await running.ended;
      else await download.untilHeld(running.task);
    } catch (error) {
      if (last || !isSealedSurprise(error)) throw error;
      download.viaCache = true;
      return false;
    } finally {
      if (side !== undefined) running.task.outputs.delete(side);
    }
    const own = running.owner === download;
    const first = own || output === undefined || !running.taken;
    try {
      await download.deliver(running.task, own ? undefined : side, first);
    } catch (error) {
      // Its own digest failed, say: the object is good for others, as long as its file is there.
      if (own) {
        running.owner = undefined;
        await this.#serveWhileIntact(task, running);
      }
      const isSpoiled = running.task.whole && !running.task.store.have.full;
      if (isSpoiled) await this.#dropSpoiled(task, running);
      if (isSpoiled && !own && !last) return false;
      throw error;
    }
    this.#count(running.task, first);
    running.taken = true;
    if (own) void this.#serveWhenSettled(task, running, download);
    else void download.whenDone().then(() => this.#done(task, running, download));
    if (!own && running.owner === undefined && running.task.whole) await this.#serveWhileIntact(task, running);
    return true;
  }

  async #dropSpoiled(task: string, { task: { store } }: Running): Promise<void> {
    for (const index of await store.findSpoiled()) store.drop(index);
    await this.#drop(task, new DarnerError("interrupted", "a stored piece was spoiled"));
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
    const { cache, trust } = this.#options;
    const { ask } = download;
    await this.#closing.get(task);
    await this.small?.over(task);
    const { store, folder } = await openStore(this.#options, task, output, (file) => this.#paced(file));
    const raced = this.#tasks.get(task);
    if (raced !== undefined) {
      if (folder !== undefined) await cache.release(task, folder);
      return raced;
    }
    const followers = new Set<Download>();
    const isUnshared = ask.sensitive === true && !trust;
    if (isUnshared) download.way("not shared: with --trust off a sensitive object's key could be read on its way");
    const hostTask = new HostTask({
      ...this.#options,
      store,
      task,
      pool: this.#pool,
      uploads: this.uploads,
      manager: this.#manager,
      limits: this.#limits,
      settings: () => this.#settings,
      ...askedOf(ask),
      mayLieSealed: folder !== undefined,
      mustSeal: mustSeal(ask, trust, this.#settings.seal),
      mode: isUnshared ? "source" : ask.mode,
      reserve: async (lengthBytes) => {
        if (folder === undefined) return;
        const room = { cache, task, makeRoom: () => this.#makeRoom(), mayExceed: download.viaCache };
        await reserveRoom(room, folder, Math.min(lengthBytes, download.wishedBytes));
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
    const running: Running = { task: hostTask, followers, folder, owner, taken: false, ended: hostTask.run() };
    this.#tasks.set(task, running);
    running.ended.catch((error: unknown) => {
      if (this.#tasks.get(task) === running) void this.#drop(task, asDarnerError(error));
    });
    return running;
  }

  async #drop(task: string, reason: DarnerError): Promise<void> {
    const running = this.#tasks.get(task);
    if (running === undefined) return;
    this.#tasks.delete(task);
    const logged = (error: unknown): void =>
      this.#options.log.warn("task.close-failed", { task, message: String(error) });
    running.task.stop(reason);
    const closed = closeStore(this.#options, running, reason);
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
    const kept = keptTasks(this.#tasks);
    for (const [oldest] of kept.slice(0, Math.max(0, kept.length - keptTasksMax)))
      await this.#drop(oldest, new DarnerError("interrupted", "newer tasks took its place"));
  }

  /** What is kept to be served goes before what is wanted is refused. */
  async #makeRoom(): Promise<boolean> {
    const oldest = keptTasks(this.#tasks).find(([, { folder }]) => folder !== undefined);
    if (oldest !== undefined) await this.#drop(oldest[0], new DarnerError("interrupted", "its room was needed"));
    return oldest !== undefined;
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
