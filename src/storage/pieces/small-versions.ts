/**
 * The small versions of a cache: in memory while they are fetched, in one file for all of them once
 * they are whole.
 *
 * Invariants:
 *  1. A version that is whole is stored within `gatherMs`, with others in one transaction; then its
 *     bytes leave memory.
 *  2. What waits in memory has a bound: beyond it a version has files of its own from the start.
 */

import { asDarnerError, type DarnerError } from "#base/mod.ts";
import type { Clock, Timer } from "#platform/machine/clock.ts";
import type { DiskFile } from "#platform/files/disk.ts";
import type { KeptVersion } from "./catalogue.ts";
import { MemoryPair, type Pair } from "./memory-pair.ts";
import type { PieceFile } from "./piece-file.ts";
import type { SmallRow, SmallStore, VersionName } from "./small-store.ts";

/** Where a version is kept. */
export type Place = "small" | "files" | "nowhere";

const gatherMs = 250;
const retryMs = 5_000;
const waitingMax = 4096;
const nothing: Pair<Uint8Array> = { content: new Uint8Array(0), journal: new Uint8Array(0) };

interface Version {
  readonly name: VersionName;
  readonly pair: MemoryPair;
  readonly heatMs: () => number;
  file: PieceFile | undefined;
  storedHeatMs: number | undefined;
}

export class SmallVersions {
  readonly #clock: Clock;
  readonly #store: SmallStore;
  readonly #onFailed: (error: DarnerError) => void;
  /** Changed since they were stored. */
  readonly #waiting = new Set<Version>();
  readonly #open = new Map<string, Version>();
  #timer: Timer | undefined;

  constructor(clock: Clock, store: SmallStore, onFailed: (error: DarnerError) => void) {
    this.#clock = clock;
    this.#store = store;
    this.#onFailed = onFailed;
  }

  /** The files of a version that is new or was kept here; undefined when there is no room in memory. */
  open(
    name: VersionName,
    isNew: boolean,
    heatMs: () => number,
    openFiles: () => Promise<Pair<DiskFile>>,
  ): MemoryPair | undefined {
    if (this.#waiting.size >= waitingMax) return undefined;
    let stored: Pair<Uint8Array> | undefined;
    if (!isNew) this.#try(() => (stored = this.#store.read(name)));
    const onChange = (): void => this.#changed(version);
    const pair = new MemoryPair({ name: name.task, stored, openFiles, onChange });
    const version: Version = { name, pair, heatMs, file: undefined, storedHeatMs: undefined };
    this.#open.set(keyOf(name), version);
    return pair;
  }

  opened(name: VersionName, file: PieceFile): void {
    const version = this.#open.get(keyOf(name));
    if (version !== undefined) version.file = file;
  }

  /** Where it is kept from now on; what was not whole, or could not be stored, is nowhere. */
  close(name: VersionName): Place {
    const version = this.#open.get(keyOf(name));
    if (version === undefined) return "files";
    if (this.#waiting.has(version)) this.flush();
    else if (!version.pair.moved && version.storedHeatMs !== version.heatMs())
      this.#try(() => this.#store.setHeat(name, version.heatMs()));
    this.#open.delete(keyOf(name));
    const isStored = !version.pair.moved && version.file?.end !== undefined && !this.#waiting.delete(version);
    if (isStored) return "small";
    this.remove(name);
    return version.pair.moved ? "files" : "nowhere";
  }

  list(): KeptVersion[] {
    return this.#store.list();
  }

  remove(name: VersionName): void {
    this.#try(() => this.#store.remove(name));
  }

  /** Stores what is whole. */
  flush(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    const whole = [...this.#waiting].filter(({ pair, file }) => !pair.moved && file?.end !== undefined);
    if (whole.length > 0 && !this.#try(() => this.#store.write(whole.map(rowOf)))) return this.#flushLater(retryMs);
    for (const version of whole) this.#stored(version);
  }

  #stored(version: Version): void {
    const { name, pair, heatMs } = version;
    this.#waiting.delete(version);
    version.storedHeatMs = heatMs();
    const read = (): Pair<Uint8Array> => this.#store.read(name) ?? nothing;
    pair.content.shed(() => read().content);
    pair.journal.shed(() => read().journal);
  }

  end(): void {
    this.flush();
    this.#store.close();
  }

  #changed(version: Version): void {
    if (version.pair.moved) return void this.#waiting.delete(version);
    this.#waiting.add(version);
    this.#flushLater(gatherMs);
  }

  #flushLater(delayMs: number): void {
    this.#timer ??= this.#clock.after(delayMs, () => this.flush(), { background: true });
  }

  /** A cache that cannot be written or read has less in it: whoever asks gets it from the origin. */
  #try(action: () => void): boolean {
    try {
      action();
      return true;
    } catch (error) {
      this.#onFailed(asDarnerError(error));
      return false;
    }
  }
}

const keyOf = ({ task, generation }: VersionName): string => `${task}/${generation}`;

function rowOf({ name, pair, heatMs }: Version): SmallRow {
  return { ...name, heatMs: heatMs(), content: pair.content.all(), journal: pair.journal.all() };
}
