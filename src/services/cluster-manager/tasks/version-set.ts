/**
 * The versions of one task that are in memory: the present one, and those that a newer one replaced, until
 * their hosts are done. What leaves, or must not be kept, is erased from the disk.
 */

import type { TaskAsk } from "#core/protocol/mod.ts";
import type { ManagedTaskOptions } from "./managed-task-options.ts";
import type { TaskVersion } from "./task-version.ts";
import type { VersionHost } from "../hosts/mod.ts";
import { mustPass } from "./version-rules.ts";

export interface Version {
  readonly folder: string;
  readonly version: TaskVersion;
  fetching: boolean;
  /** Who it is fetched for; a credential in it makes the version guarded. */
  fetchedFor?: TaskAsk;
}

export type VersionSetOptions = Pick<ManagedTaskOptions, "cache" | "log" | "task" | "openVersion">;

export class VersionSet {
  readonly #options: VersionSetOptions;
  readonly #old = new Set<Version>();
  readonly #dropping = new Set<Promise<void>>();
  #current: Version | undefined;

  constructor(options: VersionSetOptions) {
    this.#options = options;
  }

  get current(): Version | undefined {
    return this.#current;
  }

  *#all(): Generator<Version> {
    if (this.#current !== undefined) yield this.#current;
    yield* this.#old;
  }

  get all(): readonly TaskVersion[] {
    return [...this.#all()].map(({ version }) => version);
  }

  /** Something is being erased. */
  get erasing(): boolean {
    return this.#dropping.size > 0;
  }

  /** Resolves when nothing is being erased any more: what is must not be found again. */
  async erased(): Promise<void> {
    await Promise.allSettled(this.#dropping);
  }

  /** The present version from now on. */
  async open(folder: string, ask: TaskAsk): Promise<Version> {
    const version = await this.#options.openVersion(this.#options.task, folder, ask);
    const entry = { folder, version, fetching: false };
    if (this.#current !== undefined) this.#old.add(this.#current);
    this.#current = entry;
    this.dropUnused();
    return entry;
  }

  /** Of those that were replaced the one that `isSame`: the present version again. */
  restore(isSame: (entry: Version) => boolean): TaskVersion | undefined {
    const entry = [...this.#old].find(isSame);
    if (entry === undefined) return undefined;
    this.#old.delete(entry);
    if (this.#current !== undefined) this.#old.add(this.#current);
    this.#current = entry;
    this.dropUnused();
    return entry.version;
  }

  leave(host: VersionHost): void {
    for (const { version } of this.#all()) version.leave(host);
    this.dropUnused();
  }

  /** Old versions leave when their hosts are done; what must not be kept is erased. */
  dropUnused(): void {
    for (const entry of this.#all()) {
      const whole = entry.version.store.end !== undefined;
      const mayGo = entry !== this.#current || (whole && mustPass(entry.version));
      if (mayGo && !entry.fetching && !entry.version.wanted) this.drop(entry);
    }
  }

  drop(entry: Version): void {
    this.#old.delete(entry);
    if (this.#current === entry) this.#current = undefined;
    entry.version.close("it is no longer kept");
    const { log, task } = this.#options;
    const dropping = this.#erase(entry)
      .catch((error: unknown) => log.warn("task.not-erased", { task, message: (error as Error).message }))
      .finally(() => this.#dropping.delete(dropping));
    this.#dropping.add(dropping);
  }

  async #erase(entry: Version): Promise<void> {
    const { cache, task } = this.#options;
    await cache.release(task, entry.folder);
    await cache.erase(task, entry.folder);
  }

  /** Nothing is told or served any more; what may be kept stays on the disk. */
  async close(reason: string): Promise<void> {
    for (const entry of this.#all()) {
      entry.version.close(reason);
      await this.#options.cache.release(this.#options.task, entry.folder);
    }
    await this.erased();
  }
}
