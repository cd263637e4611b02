/**
 * The cache of a data directory: one folder for each version of a task, with its content and journal,
 * and a quota; small versions are rows of one file (small-store.ts). These are the catalogue; nothing
 * else remembers what is there.
 *
 *     DIR/tasks/<task>/pinned                 only while the task is pinned
 *     DIR/tasks/<task>/<generation>/content
 *     DIR/tasks/<task>/<generation>/journal   its time of change is the version's heat
 *     DIR/small.db                            small versions, where they are kept together
 *
 * Invariants:
 *  1. What is held (being fetched or served) or pinned is never evicted.
 *  2. Bytes are counted from before the first of them is written: an object's whole length where all of
 *     it is wanted, else the part's. Room on the disk is promised to one object only.
 *  3. Above the high watermark those that are worth least go (heat.ts), until the low one. What cannot
 *     fit even then drives nobody out; an object longer than the quota may be let in while it is held.
 *  4. A version's files are open once, however many hold it.
 */

import { DarnerError, formatBytes } from "#base/mod.ts";
import { smallBytesMax } from "#core/protocol/mod.ts";
import type { Clock } from "#platform/machine/clock.ts";
import type { Disk, DiskFile } from "#platform/files/disk.ts";
import { believableHeat, heatAfterUse, worthOf } from "./heat.ts";
import { PieceFile } from "./piece-file.ts";
import type { Pair } from "./memory-pair.ts";
import type { VersionName } from "./small-store.ts";
import type { Place, SmallVersions } from "./small-versions.ts";
import { readCatalogue, tasksFolder, versionFolder, type KeptVersion } from "./catalogue.ts";

export interface TaskCacheOptions {
  readonly disk: Disk;
  /** The data directory. */
  readonly directory: string;
  readonly boot: Uint8Array;
  readonly clock: Clock;
  readonly quotaBytes: () => number;
  readonly highWatermark: () => number;
  readonly lowWatermark: () => number;
  /** Objects are fetched whole: their space is set aside when they begin. */
  readonly spaceAhead: boolean;
  /** Keeps small versions together; without it each has its own files. */
  readonly small?: SmallVersions;
}

interface Entry {
  readonly task: string;
  readonly generation: string;
  bytes: number;
  usedAtMs: number;
  heatMs: number;
  holders: number;
  place: Place;
  /** Open while it is held. */
  opening?: Promise<PieceFile>;
  file?: PieceFile;
  closing?: Promise<void>;
}

export class TaskCache {
  readonly #options: TaskCacheOptions;
  /** Task -> generation -> what is kept of it. */
  readonly #tasks = new Map<string, Map<string, Entry>>();
  readonly #pinned = new Set<string>();
  /** Tasks of which something is being removed: nothing of theirs is opened meanwhile. */
  readonly #erasing = new Map<string, Promise<void>>();
  /** Held, and perhaps not whole yet: of many versions few are. */
  readonly #promised = new Set<Entry>();
  #usedBytes = 0;
  #count = 0;
  #lastMs = 0;

  private constructor(options: TaskCacheOptions) {
    this.#options = options;
  }

  /** Reads which versions are there; opens none of them. */
  static async open(options: TaskCacheOptions): Promise<TaskCache> {
    const cache = new TaskCache(options);
    const { disk, directory, clock } = options;
    await disk.makeDirectory(tasksFolder(directory), { permissions: 0o700 });
    const { versions, pinned } = await readCatalogue(disk, directory);
    for (const version of versions) {
      const heatMs = believableHeat(version.heatMs, clock.wallMs());
      cache.#add({ ...version, bytes: 0, heatMs, holders: 0, place: "files" }, version.bytes);
    }
    for (const version of options.small?.list() ?? []) {
      const heatMs = believableHeat(version.heatMs, clock.wallMs());
      cache.#add({ ...version, bytes: 0, heatMs, holders: 0, place: "small" }, version.bytes);
    }
    for (const task of pinned) cache.#pinned.add(task);
    return cache;
  }

  /** Full length of every object kept. */
  get usedBytes(): number {
    return this.#usedBytes;
  }

  get count(): number {
    return this.#count;
  }

  /** The generation of a task that was used last, if any is here. */
  latest(task: string): string | undefined {
    let best: Entry | undefined;
    for (const entry of this.#tasks.get(task)?.values() ?? [])
      if (best === undefined || entry.usedAtMs >= best.usedAtMs) best = entry;
    return best?.generation;
  }

  /** Opens or creates a version's files and holds them until `release`. `wrap` may pace the content file. */
  async hold(task: string, generation: string, wrap = (file: DiskFile): DiskFile => file): Promise<PieceFile> {
    while (this.#erasing.has(task)) await this.#erasing.get(task)?.catch(() => undefined);
    const known = this.#find(task, generation);
    const nothing = { bytes: 0, usedAtMs: 0, heatMs: 0, holders: 0, place: "nowhere" } as const;
    const entry = known ?? this.#add({ task, generation, ...nothing }, 0);
    entry.holders++;
    if (entry.place === "files") this.#promised.add(entry);
    this.#use(entry);
    entry.opening ??= this.#open(entry, wrap);
    try {
      return await entry.opening;
    } catch (error) {
      if (--entry.holders === 0) {
        delete entry.opening;
        if (entry.bytes === 0) this.#remove(entry);
      }
      throw error;
    }
  }

  async #open(entry: Entry, wrap: (file: DiskFile) => DiskFile): Promise<PieceFile> {
    await entry.closing;
    const { small, boot, clock, spaceAhead } = this.#options;
    const openFiles = (): Promise<Pair<DiskFile>> => this.#openFiles(entry, wrap);
    const isNew = entry.place === "nowhere";
    const inMemory = entry.place === "files" ? undefined : small?.open(entry, isNew, () => entry.heatMs, openFiles);
    const { content, journal } = inMemory ?? (await openFiles());
    try {
      entry.file = await PieceFile.open({ content, journal, boot, clock, spaceAhead });
    } catch (error) {
      for (const file of [content, journal]) await file.close();
      throw error;
    }
    if (inMemory !== undefined) small?.opened(entry, entry.file);
    return entry.file;
  }

  async #openFiles(entry: Entry, wrap: (file: DiskFile) => DiskFile): Promise<Pair<DiskFile>> {
    const { disk, directory } = this.#options;
    entry.place = "files";
    const path = versionFolder(directory, entry);
    const opened: DiskFile[] = [];
    try {
      await disk.makeDirectory(path, { permissions: 0o700 });
      const journal = await disk.open(`${path}/journal`, "keep", { permissions: 0o600 });
      opened.push(journal);
      const content = await disk.open(`${path}/content`, "keep", { permissions: 0o600 });
      return { content: wrap(content), journal };
    } catch (error) {
      for (const file of opened) await file.close();
      throw error;
    }
  }

  /** The holder is done; after the last one the files are closed, and the version may be evicted. */
  async release(task: string, generation: string): Promise<void> {
    const entry = this.#find(task, generation);
    if (entry === undefined || --entry.holders > 0) return;
    const { file } = entry;
    delete entry.file;
    delete entry.opening;
    const mustGo = file?.end !== undefined && entry.bytes > this.#limitBytes && !this.#pinned.has(task);
    entry.closing = this.#close(entry, file).finally(() => delete entry.closing);
    await entry.closing;
    if (mustGo) await this.erase(task, generation);
  }

  async #close(entry: Entry, file: PieceFile | undefined): Promise<void> {
    const { disk, directory } = this.#options;
    await file?.close();
    // A part of an object may have grown since its room was reserved.
    if (file !== undefined) this.#resize(entry, Math.max(entry.bytes, file.heldBytes));
    entry.place = this.#options.small?.close(entry) ?? "files";
    if (entry.place === "nowhere" && entry.holders === 0) this.#remove(entry);
    if (entry.place !== "files") return;
    // A hint for the next start, and no more.
    const journal = `${versionFolder(directory, entry)}/journal`;
    await disk.setModified(journal, entry.heatMs).catch(() => undefined);
  }

  /** One more use, by somebody who does not hold it. */
  touch(task: string, generation: string): void {
    const entry = this.#find(task, generation);
    if (entry !== undefined) this.#use(entry);
  }

  /**
   * Makes sure that `bytes` fit before they are written. For a version that is held. Throws `disk.full`.
   * `mayExceed`: an object longer than the quota is taken in while it is held, if the disk has the room.
   */
  async reserve(task: string, generation: string, bytes: number, mayExceed = false): Promise<void> {
    const entry = this.#find(task, generation);
    if (entry === undefined) return;
    const before = entry.bytes;
    // Counted before the first wait, so that two who reserve at once do not take the same room.
    this.#resize(entry, bytes);
    const isInMemory = entry.place !== "files" && bytes <= smallBytesMax;
    if (!isInMemory) this.#promised.add(entry);
    try {
      await this.#makeRoom(bytes, !isInMemory, mayExceed);
    } catch (error) {
      this.#resize(entry, before);
      throw error;
    }
  }

  get #limitBytes(): number {
    return this.#options.quotaBytes() * this.#options.highWatermark();
  }

  async #makeRoom(bytes: number, onDisk: boolean, mayExceed: boolean): Promise<void> {
    const { quotaBytes, lowWatermark, directory } = this.#options;
    const limit = this.#limitBytes;
    const refused = (why: string): DarnerError =>
      new DarnerError("disk.full", `cannot keep an object of ${formatBytes(bytes)} in ${directory}: ${why}`, {
        retry: bytes > limit ? "never" : { afterMs: 10_000 },
      });
    if (this.#usedBytes > limit && !(mayExceed && bytes > limit)) {
      const goneBytes = this.#evictable().reduce((sum, entry) => sum + entry.bytes, 0);
      const keptBytes = this.#usedBytes - goneBytes;
      if (keptBytes > limit)
        throw refused(`the quota leaves ${formatBytes(Math.max(0, limit - keptBytes + bytes))} for it`);
      await this.#evictDownTo(quotaBytes() * lowWatermark());
    }
    // Sparse objects free less than their length, so the disk is asked again after each round.
    while (onDisk) {
      const { missingBytes, text } = await this.#shortage();
      if (missingBytes <= 0) return;
      const evictable = this.#evictable().reduce((sum, entry) => sum + entry.bytes, 0);
      if (evictable < missingBytes) throw refused(text);
      await this.#evictDownTo(this.#usedBytes - missingBytes);
    }
  }

  /** What the disk lacks of what has been promised and is not written yet. */
  async #shortage(): Promise<{ missingBytes: number; text: string }> {
    const { disk, directory } = this.#options;
    const freeBytes = await disk.freeBytes(directory);
    let promisedBytes = 0;
    for (const entry of this.#promised) {
      const toComeBytes = entry.bytes - (entry.file?.heldBytes ?? 0);
      if (entry.holders === 0 || toComeBytes <= 0) this.#promised.delete(entry);
      else promisedBytes += toComeBytes;
    }
    // Space that was set aside already makes a difference only where it is short: each file is asked then.
    if (promisedBytes > freeBytes) promisedBytes = await this.#promisedBytes();
    const text = `the disk has ${formatBytes(freeBytes)} free for the ${formatBytes(promisedBytes)} that are to come`;
    return { missingBytes: promisedBytes - freeBytes, text };
  }

  async #promisedBytes(): Promise<number> {
    let promisedBytes = 0;
    for (const { file, bytes } of this.#promised) {
      const spaceBytes = (await file?.content.identity())?.spaceBytes ?? 0;
      promisedBytes += Math.max(0, bytes - Math.max(file?.heldBytes ?? 0, spaceBytes));
    }
    return promisedBytes;
  }

  isPinned(task: string): boolean {
    return this.#pinned.has(task);
  }

  /** Keeps whatever versions of the task are here or will be, whatever the quota says, or no longer. */
  async pin(task: string, pinned: boolean): Promise<void> {
    const { disk, directory } = this.#options;
    const folder = `${tasksFolder(directory)}/${task}`;
    while (this.#erasing.has(task)) await this.#erasing.get(task)?.catch(() => undefined);
    if (pinned) {
      this.#pinned.add(task);
      await disk.makeDirectory(folder, { permissions: 0o700 });
      await (await disk.open(`${folder}/pinned`, "keep", { permissions: 0o600 })).close();
    } else {
      this.#pinned.delete(task);
      await disk.remove(`${folder}/pinned`);
      if (!this.#tasks.has(task)) await disk.removeTree(folder);
    }
  }

  /** Removes what is worth least until `wantedBytes` more fit below the low watermark. Returns what went. */
  evict(wantedBytes: number): Promise<readonly KeptVersion[]> {
    const { quotaBytes, lowWatermark } = this.#options;
    return this.#evictDownTo(quotaBytes() * lowWatermark() - wantedBytes);
  }

  async #evictDownTo(targetBytes: number): Promise<readonly KeptVersion[]> {
    const gone: KeptVersion[] = [];
    for (const entry of this.#evictable()) {
      if (this.#usedBytes <= targetBytes) break;
      const { task, generation, bytes, usedAtMs, heatMs } = entry;
      // It may have been taken while another one was being removed.
      if (entry.holders > 0) continue;
      gone.push({ task, generation, bytes, usedAtMs, heatMs });
      await this.erase(task, generation);
    }
    return gone;
  }

  /** Removes one version that nobody holds. */
  async erase(task: string, generation: string): Promise<void> {
    const entry = this.#find(task, generation);
    if (entry !== undefined && entry.holders > 0) return;
    if (entry !== undefined) this.#remove(entry);
    const erasing = (this.#erasing.get(task) ?? Promise.resolve())
      .catch(() => undefined)
      .then(() => entry?.closing)
      .then(() => this.#removeKept(entry?.place, { task, generation }))
      .finally(() => {
        if (this.#erasing.get(task) === erasing) this.#erasing.delete(task);
      });
    this.#erasing.set(task, erasing);
    await erasing;
  }

  async #removeKept(place: Place | undefined, { task, generation }: VersionName): Promise<void> {
    const { disk, directory, small } = this.#options;
    if (place === "small") return small?.remove({ task, generation });
    await disk.removeTree(versionFolder(directory, { task, generation }));
    if (!this.#tasks.has(task) && !this.#pinned.has(task)) await disk.removeTree(`${tasksFolder(directory)}/${task}`);
  }

  /** What may go, what is worth least first. */
  #evictable(): Entry[] {
    const entries: Entry[] = [];
    for (const entry of this.#all()) if (entry.holders === 0 && !this.#pinned.has(entry.task)) entries.push(entry);
    return entries.sort((a, b) => worthOf(a.heatMs, a.bytes) - worthOf(b.heatMs, b.bytes));
  }

  /** An operator may set the clock back: a later use counts as later all the same. */
  #use(entry: Entry): void {
    this.#lastMs = Math.max(this.#options.clock.wallMs(), this.#lastMs + 0.001);
    entry.usedAtMs = this.#lastMs;
    entry.heatMs = entry.heatMs === 0 ? this.#lastMs : heatAfterUse(entry.heatMs, this.#lastMs);
  }

  *#all(): Generator<Entry> {
    for (const versions of this.#tasks.values()) yield* versions.values();
  }

  #find(task: string, generation: string): Entry | undefined {
    return this.#tasks.get(task)?.get(generation);
  }

  #add(entry: Entry, bytes: number): Entry {
    const versions = this.#tasks.get(entry.task) ?? new Map<string, Entry>();
    this.#tasks.set(entry.task, versions.set(entry.generation, entry));
    this.#count++;
    this.#resize(entry, bytes);
    return entry;
  }

  #resize(entry: Entry, bytes: number): void {
    this.#usedBytes += bytes - entry.bytes;
    entry.bytes = bytes;
  }

  #remove(entry: Entry): void {
    const versions = this.#tasks.get(entry.task);
    if (versions?.delete(entry.generation) !== true) return;
    if (versions.size === 0) this.#tasks.delete(entry.task);
    this.#count--;
    this.#usedBytes -= entry.bytes;
  }
}
