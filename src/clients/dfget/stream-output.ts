/**
 * An output that takes bytes in order, seen as the content file of a piece file.
 *
 * The newest piece is held back until the next one comes or the whole is proved, so that a reader
 * never sees the end of an object that turned out to be wrong. What was given on cannot be taken
 * back: when the object changes after that, the stream ends with `origin.changed`.
 */

import { assert, DarnerError } from "#base/mod.ts";
import type { DiskFile, FileIdentity } from "#platform/files/disk.ts";
import type { ByteSink } from "#platform/files/output-files.ts";

const noIdentity: FileIdentity = {
  device: 0n,
  inode: 0n,
  sizeBytes: 0,
  spaceBytes: 0,
  modifiedNs: 0n,
  changedNs: 0n,
  links: 0,
  isRegular: false,
};

export class StreamContent implements DiskFile {
  readonly name: string;
  readonly descriptor = -1;
  readonly #sink: ByteSink;
  #held: Uint8Array | undefined;
  /** Where the next piece must lie. */
  #next = 0;
  #givenBytes = 0;

  constructor(sink: ByteSink, name: string) {
    this.#sink = sink;
    this.name = name;
  }

  async write(bytes: Uint8Array, position: number): Promise<void> {
    if (position === 0 && this.#givenBytes > 0) {
      const says = "the object changed at the origin after a part of it was given on; start again";
      throw new DarnerError("origin.changed", `cannot finish writing ${this.name}: ${says}`);
    }
    assert(position === this.#next, "a stream's pieces come in order");
    const ready = this.#held;
    // The piece's buffer is used again once this returns.
    this.#held = new Uint8Array(bytes);
    this.#next += bytes.length;
    if (ready !== undefined) await this.#give(ready);
  }

  /** The whole is proved: its end may go out. */
  async release(): Promise<void> {
    const last = this.#held;
    this.#held = undefined;
    if (last !== undefined) await this.#give(last);
  }

  /** A new version begins, or a proof failed: what is held is void. */
  truncate(): Promise<void> {
    this.#held = undefined;
    this.#next = 0;
    return Promise.resolve();
  }

  allocate(): Promise<void> {
    return Promise.resolve();
  }

  clear(position: number, count: number): Promise<void> {
    return this.write(new Uint8Array(count), position);
  }

  cloneFrom(): Promise<boolean> {
    return Promise.resolve(false);
  }

  read(): Promise<number> {
    return Promise.resolve(0);
  }

  identity(): Promise<FileIdentity> {
    return Promise.resolve({ ...noIdentity, sizeBytes: this.#next });
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  async #give(bytes: Uint8Array): Promise<void> {
    this.#givenBytes += bytes.length;
    await this.#sink.write(bytes);
  }
}

/** A journal that nobody reads again. */
export const noJournal: DiskFile = {
  name: "no journal",
  descriptor: -1,
  read: () => Promise.resolve(0),
  write: () => Promise.resolve(),
  truncate: () => Promise.resolve(),
  allocate: () => Promise.resolve(),
  clear: () => Promise.resolve(),
  cloneFrom: () => Promise.resolve(false),
  identity: () => Promise.resolve(noIdentity),
  close: () => Promise.resolve(),
};
