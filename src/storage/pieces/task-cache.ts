/**
 * The cache of a data directory: one folder for each version of a task, with its content and journal,
 * and a quota.
 *
 *     DIR/tasks/<task>/<generation>/content
 *     DIR/tasks/<task>/<generation>/journal
 *
 * Invariants:
 *  1. What is held (being fetched or served) or pinned is never evicted.
 *  2. Bytes counted are the full length of each object, from before its first byte is written.
 *  3. Above the high watermark the least recently used go, until the low one.
 */

import { DarnerError, formatBytes } from "#base/mod.ts";
import type { Disk, DiskFile } from "#platform/disk.ts";
import { PieceFile } from "./piece-file.ts";

export interface TaskCacheOptions {
  readonly disk: Disk;
  /** The data directory. */
  readonly directory: string;
  readonly boot: Uint8Array;
  readonly quotaBytes: () => number;
  readonly highWatermark: () => number;
  readonly lowWatermark: () => number;
  readonly wallMs: () => number;
}

interface Entry {
  readonly task: string;
  readonly generation: string;
  bytes: number;
  usedAtMs: number;
  holders: number;
  pinned: boolean;
}

export class TaskCache {
  readonly #options: TaskCacheOptions;
  readonly #entries = new Map<string, Entry>();
  /** Tasks of which something is being removed: nothing of theirs is opened meanwhile. */
  readonly #erasing = new Map<string, Promise<void>>();

  private constructor(options: TaskCacheOptions) {
    this.#options = options;
  }

  /** Reads which versions are there; opens none of them. */
  static async open(options: TaskCacheOptions): Promise<TaskCache> {
    const cache = new TaskCache(options);
    const { disk } = options;
    await disk.makeDirectory(cache.#root, { permissions: 0o700 });
    for (const task of await disk.list(cache.#root)) {
      for (const generation of await disk.list(`${cache.#root}/${task}`)) {
        const found = await disk.stat(`${cache.#path(task, generation)}/content`);
        const pin = await disk.stat(`${cache.#path(task, generation)}/pinned`);
        const bytes = found?.sizeBytes ?? 0;
        const usedAtMs = Number((found?.modifiedNs ?? 0n) / 1_000_000n);
        cache.#entries.set(nameOf(task, generation), {
          task,
          generation,
          bytes,
          usedAtMs,
          holders: 0,
          pinned: pin !== undefined,
        });
      }
    }
    return cache;
  }

  get usedBytes(): number {
    let total = 0;
    for (const entry of this.#entries.values()) total += entry.bytes;
    return total;
  }

  get count(): number {
    return this.#entries.size;
  }

  /** The generation of a task that was used last, if any is here. */
  latest(task: string): string | undefined {
    let best: Entry | undefined;
    for (const entry of this.#entries.values()) {
      if (entry.task === task && (best === undefined || entry.usedAtMs >= best.usedAtMs)) best = entry;
    }
    return best?.generation;
  }

  /** Opens or creates a version's files and holds them until `release`. `wrap` may pace the content file. */
  async hold(task: string, generation: string, wrap = (file: DiskFile): DiskFile => file): Promise<PieceFile> {
    const { disk, boot, wallMs } = this.#options;
    const name = nameOf(task, generation);
    while (this.#erasing.has(task)) await this.#erasing.get(task)?.catch(() => undefined);
    const known = this.#entries.get(name);
    const entry = known ?? { task, generation, bytes: 0, usedAtMs: 0, holders: 0, pinned: false };
    this.#entries.set(name, entry);
    entry.holders++;
    entry.usedAtMs = wallMs();
    const opened: DiskFile[] = [];
    try {
      const path = this.#path(task, generation);
      await disk.makeDirectory(path, { permissions: 0o700 });
      const journal = await disk.open(`${path}/journal`, "keep", { permissions: 0o600 });
      opened.push(journal);
      const content = await disk.open(`${path}/content`, "keep", { permissions: 0o600 });
      opened.push(content);
      return await PieceFile.open({ content: wrap(content), journal, boot });
    } catch (error) {
      entry.holders--;
      if (known === undefined && entry.holders === 0) this.#entries.delete(name);
      for (const file of opened) await file.close();
      throw error;
    }
  }

  /** The holder is done; the version may be evicted from now on. */
  release(task: string, generation: string): void {
    const entry = this.#entries.get(nameOf(task, generation));
    if (entry === undefined) return;
    entry.holders--;
    entry.usedAtMs = this.#options.wallMs();
  }

  touch(task: string, generation: string): void {
    const entry = this.#entries.get(nameOf(task, generation));
    if (entry !== undefined) entry.usedAtMs = this.#options.wallMs();
  }

  /** Makes sure that `bytes` fit before they are written. For a version that is held. Throws `disk.full`. */
  async reserve(task: string, generation: string, bytes: number): Promise<void> {
    const entry = this.#entries.get(nameOf(task, generation));
    if (entry === undefined) return;
    const before = entry.bytes;
    // Counted before the first wait, so that two who reserve at once do not take the same room.
    entry.bytes = bytes;
    try {
      await this.#makeRoom(bytes, bytes - before);
    } catch (error) {
      entry.bytes = before;
      throw error;
    }
  }

  async #makeRoom(bytes: number, moreBytes: number): Promise<void> {
    const { quotaBytes, highWatermark, disk, directory } = this.#options;
    const limit = quotaBytes() * highWatermark();
    let keptBytes = 0;
    for (const entry of this.#entries.values()) if (!isEvictable(entry)) keptBytes += entry.bytes;
    // What cannot fit at all drives nobody out.
    if (this.usedBytes > limit && keptBytes <= limit) await this.evict(0);
    const over = this.usedBytes > limit;
    const free = await disk.freeBytes(directory);
    if (!over && moreBytes <= free) return;
    const room = over
      ? `the quota leaves ${formatBytes(Math.max(0, limit - keptBytes + bytes))}`
      : `the disk has ${formatBytes(free)}`;
    throw new DarnerError("disk.full", `cannot keep an object of ${formatBytes(bytes)} in ${directory}: ${room}`, {
      retry: bytes > limit ? "never" : { afterMs: 10_000 },
    });
  }

  pin(task: string, pinned: boolean): Promise<void[]> {
    const { disk } = this.#options;
    const changes: Promise<void>[] = [];
    for (const entry of this.#entries.values()) {
      if (entry.task !== task) continue;
      entry.pinned = pinned;
      const path = `${this.#path(task, entry.generation)}/pinned`;
      changes.push(pinned ? disk.open(path, "keep").then((file) => file.close()) : disk.remove(path));
    }
    return Promise.all(changes);
  }

  /** Removes versions, least recently used first, until `wantedBytes` more fit below the low watermark. */
  async evict(wantedBytes: number): Promise<number> {
    const { quotaBytes, lowWatermark } = this.#options;
    const target = quotaBytes() * lowWatermark() - wantedBytes;
    const evictable = [...this.#entries.values()].filter(isEvictable);
    evictable.sort((a, b) => a.usedAtMs - b.usedAtMs);
    let evicted = 0;
    for (const entry of evictable) {
      if (this.usedBytes <= target) break;
      await this.erase(entry.task, entry.generation);
      evicted++;
    }
    return evicted;
  }

  /** Removes one version that nobody holds. */
  async erase(task: string, generation: string): Promise<void> {
    const name = nameOf(task, generation);
    if ((this.#entries.get(name)?.holders ?? 0) > 0) return;
    this.#entries.delete(name);
    const erasing = (this.#erasing.get(task) ?? Promise.resolve())
      .catch(() => undefined)
      .then(() => this.#removeFolders(task, generation))
      .finally(() => {
        if (this.#erasing.get(task) === erasing) this.#erasing.delete(task);
      });
    this.#erasing.set(task, erasing);
    await erasing;
  }

  async #removeFolders(task: string, generation: string): Promise<void> {
    const { disk } = this.#options;
    await disk.removeTree(this.#path(task, generation));
    for (const entry of this.#entries.values()) if (entry.task === task) return;
    await disk.removeTree(`${this.#root}/${task}`);
  }

  get #root(): string {
    return `${this.#options.directory}/tasks`;
  }

  #path(task: string, generation: string): string {
    return `${this.#root}/${task}/${generation}`;
  }
}

function isEvictable(entry: Entry): boolean {
  return entry.holders === 0 && !entry.pinned;
}

function nameOf(task: string, generation: string): string {
  return `${task}/${generation}`;
}
