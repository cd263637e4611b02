/**
 * The host daemon: owns the host's downloads, uploads, limits and cache. dfget asks it over its unix
 * socket; peers fetch from it on its TCP port.
 *
 * Invariants:
 *  1. No path that a client names is opened: an output comes as open descriptors, of regular files.
 *  2. A client whose output is a task's store writes nothing there, and neither does anybody else: of the
 *     clients that bring the same file, each begins when the one before has let go of it (decision 14).
 */

import { asDarnerError, DarnerError } from "#base/mod.ts";
import type { DownloadAsk, DownloadEvent, TaskAsk } from "#core/protocol/mod.ts";
import type { DiskFile } from "#platform/files/disk.ts";
import type { Connection } from "#platform/sockets/connection.ts";
import { bothGates, marked, mustSeal, ParentPool, taskIdOf, Uploads } from "#transfer/mod.ts";
import { takeHand, type Hand, Download } from "./outputs/mod.ts";
import { registerDaemonMetrics } from "./daemon-metrics.ts";
import type { HostDaemonOptions, HostDaemonSettings } from "./daemon-options.ts";
import { newHostLimits, setHostLimits, type HostLimits } from "./host-limits.ts";
import { HostTasks, isStoreTaken, type AskedRecheck, type Running } from "./running/mod.ts";
import { isSealedSurprise, type HostTask } from "./tasks/mod.ts";
import { ManagerClient, Preheats, cardOf, refusalTo } from "./cluster/mod.ts";
import { SmallObjects } from "./small/mod.ts";

const downloadsMax = 4096;

export class HostDaemon {
  readonly uploads: Uploads;
  readonly #options: HostDaemonOptions;
  readonly #limits: HostLimits;
  readonly #pool: ParentPool;
  readonly #manager: ManagerClient | undefined;
  /** Undefined without a manager. */
  readonly small: SmallObjects | undefined;
  readonly #tasks: HostTasks;
  readonly #downloads = new Map<string, Download>();
  /** By the file of a client's output: resolves when the last client that brought it has let go. */
  readonly #outputs = new Map<string, Promise<void>>();
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
      const own = {
        card: () => cardOf(options),
        onRecheck: async (asked: AskedRecheck) => await this.#tasks.recheck(asked),
        onFetch: preheats.heard,
      };
      this.#manager = new ManagerClient({ clock, random, log, dialler, directory, isRevoked, ...own });
      const isMarked = (ask: TaskAsk): boolean => marked(ask, this.#settings.sensitiveUrls).sensitive === true;
      this.small = new SmallObjects({ ...options, manager: this.#manager, limiter: this.#limits.download, isMarked });
    }
    this.#tasks = new HostTasks({
      ...options,
      settings: () => this.#settings,
      limits: this.#limits,
      pool: this.#pool,
      uploads: this.uploads,
      manager: this.#manager,
      whenFree: async (task) => await this.small?.over(task),
    });
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
    return this.#tasks.has(task);
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
      this.#forget(download);
    });
    return { id, abandon: () => this.#abandon(download) };
  }

  async stop(): Promise<void> {
    const gone = new DarnerError("daemon.gone", "cannot go on: the host daemon stops; ask again when it is back");
    await this.#tasks.stop(gone);
    this.#manager?.stop();
    this.#pool.close();
    this.uploads.close();
  }

  async #run(download: Download): Promise<void> {
    const { ask } = download;
    const task = taskIdOf(ask);
    const { disk, inbox } = this.#options;
    const pace = (file: DiskFile): DiskFile => this.#tasks.paced(file);
    const hand = await takeHand(ask.output, download.uid, { disk, inbox, pace, isOver: () => download.over });
    const letGo = await this.#alone(hand.output?.place);
    try {
      if (!(await this.#serve(task, download, hand, false))) {
        download.restart();
        await this.#serve(task, download, hand, true);
      }
    } finally {
      await this.#tasks.whenClosed(task);
      await hand.letGo(this.#tasks.get(task)?.task.store.content);
      letGo();
    }
  }

  /** Resolves when nobody else who brought this file writes there; returns what lets the next one go on. */
  async #alone(place: string | undefined): Promise<() => void> {
    if (place === undefined) return () => undefined;
    const { promise, resolve } = Promise.withResolvers<void>();
    const before = this.#outputs.get(place);
    this.#outputs.set(place, promise);
    await before;
    return () => {
      resolve();
      if (this.#outputs.get(place) === promise) this.#outputs.delete(place);
    };
  }

  /** False when a stored piece turned out to be spoiled as it was copied, unless this is the last try. */
  async #serve(task: string, download: Download, { output, side }: Hand, last: boolean): Promise<boolean> {
    // A part of an object is copied out of the whole one in the cache, a clear one out of the sealed.
    if (output !== undefined) await this.#tasks.free(output.place, download.viaCache ? undefined : task);
    const running = await this.#tasks.share(task, download, download.viaCache ? undefined : output);
    const isStore = output !== undefined && output.place === running.place;
    if (download.over) {
      this.#forget(download);
      return true;
    }
    if (isStore) takeOver(running, download);
    download.follow(running.task);
    if (!isStore && side !== undefined && download.viaCache && download.ask.range === undefined)
      running.task.outputs.add(side);
    try {
      const come = download.ask.range === undefined ? running.ended : download.untilHeld(running.task);
      await Promise.race([come, download.whenOver()]);
    } catch (error) {
      if (isSealedSurprise(error)) download.viaCache = true;
      else if (!isOfAnothersStore(error, running, output)) throw error;
      if (last) throw error;
      return false;
    } finally {
      if (side !== undefined) running.task.outputs.delete(side);
    }
    if (download.over) {
      this.#forget(download);
      return true;
    }
    const own = running.owner === download;
    const first = own || output === undefined || !running.taken;
    try {
      await download.deliver(running.task, isStore ? undefined : side, first);
    } catch (error) {
      // Its own digest failed, say: the object is good for others, as long as its file is there.
      if (own) running.owner = undefined;
      await this.#tasks.serveWhileIntact(running);
      const isSpoiled = running.task.whole && !running.task.store.have.full;
      if (isSpoiled) await this.#tasks.dropSpoiled(running);
      const isGone = this.#tasks.get(task) !== running;
      if (isGone && !own && !last && !download.over) return false;
      throw error;
    }
    this.#count(running.task, first);
    running.taken = true;
    if (own) void this.#serveWhenSettled(running, download);
    else void download.whenDone().then(() => this.#done(running, download));
    await this.#tasks.serveWhileIntact(running);
    return true;
  }

  /** A client needs its task no more. */
  #done(running: Running, download: Download): void {
    this.#downloads.delete(download.id);
    if (this.#leave(running, download)) this.#tasks.dropUnwanted(running);
  }

  #leave(running: Running, download: Download): boolean {
    running.task.unwish(download.wish);
    return running.followers.delete(download);
  }

  /** The client went away: a task that nobody else wants stops; what it stored stays in its files. */
  #abandon(download: Download): void {
    if (!download.over) download.fail(new DarnerError("interrupted", "the client went away"));
    this.#forget(download);
  }

  #forget(download: Download): void {
    this.#downloads.delete(download.id);
    for (const running of this.#tasks.all()) {
      if (running.owner === download) running.owner = undefined;
      this.#done(running, download);
    }
  }

  /** The client gives its output the final name, or went away before. */
  async #serveWhenSettled(running: Running, download: Download): Promise<void> {
    await download.whenSettled();
    this.#downloads.delete(download.id);
    this.#leave(running, download);
    if (running.owner === download) running.owner = undefined;
    await this.#tasks.serveWhileIntact(running);
  }

  #count(task: HostTask, firstTaker: boolean): void {
    if (!firstTaker) return void (this.#bytes.local += task.lengthBytes ?? 0);
    this.#bytes.origin += task.bytes.origin;
    this.#bytes.peers += task.bytes.peers;
    this.#bytes.local += task.bytes.local;
  }
}

/** The task ended for what befell another client's output, which was its store: who shared it may begin anew. */
function isOfAnothersStore(error: unknown, { place }: Running, output: Hand["output"]): boolean {
  if (place === undefined || place === output?.place) return false;
  return isStoreTaken(error) || asDarnerError(error).code.startsWith("disk.");
}

/** A client was killed, others went on with its files, and now it comes back with them. */
function takeOver(running: Running, download: Download): void {
  if (running.owner !== undefined) return;
  running.owner = download;
  delete running.intact;
}
