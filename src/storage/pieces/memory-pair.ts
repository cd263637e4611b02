/**
 * The two files of a version while it is small: content and journal in memory, and files on the disk
 * from the moment that the content grows beyond `smallBytesMax`.
 *
 * Invariants:
 *  1. Either both are in memory or both are files; the files have all that was in memory before
 *     anything else is written to them.
 *  2. Content that is stored elsewhere may leave memory (`shed`): it is read from there then.
 */

import { assert } from "#base/mod.ts";
import { smallBytesMax } from "#core/protocol/mod.ts";
import type { DiskFile, FileIdentity } from "#platform/files/disk.ts";

export interface Pair<Half> {
  readonly content: Half;
  readonly journal: Half;
}

export interface MemoryPairOptions {
  readonly name: string;
  /** What was stored of it. */
  readonly stored: Pair<Uint8Array> | undefined;
  /** Opens the files that take its place. */
  readonly openFiles: () => Promise<Pair<DiskFile>>;
  /** Something was written. */
  readonly onChange: () => void;
}

export class MemoryPair implements Pair<DiskFile> {
  readonly content: MemoryFile;
  readonly journal: MemoryFile;
  readonly #options: MemoryPairOptions;
  #moving: Promise<void> | undefined;

  constructor(options: MemoryPairOptions) {
    this.#options = options;
    const { name, stored, onChange } = options;
    const move = (isNeeded: boolean): Promise<void> | undefined =>
      isNeeded ? (this.#moving ??= this.#move()) : this.#moving;
    this.content = new MemoryFile(`content of ${name}`, stored?.content, smallBytesMax, move, onChange);
    this.journal = new MemoryFile(`journal of ${name}`, stored?.journal, Infinity, move, onChange);
  }

  /** Files have taken the place of the memory, or are about to. */
  get moved(): boolean {
    return this.#moving !== undefined;
  }

  async #move(): Promise<void> {
    const files = await this.#options.openFiles();
    await this.journal.become(files.journal);
    await this.content.become(files.content);
  }
}

class MemoryFile implements DiskFile {
  readonly name: string;
  readonly #bytesMax: number;
  readonly #move: (isNeeded: boolean) => Promise<void> | undefined;
  readonly #onChange: () => void;
  /** What was written, as far as anything was; undefined while it is elsewhere. */
  #bytes: Uint8Array | undefined;
  #length: number;
  #elsewhere: (() => Uint8Array) | undefined;
  #file: DiskFile | undefined;

  constructor(
    name: string,
    stored: Uint8Array | undefined,
    bytesMax: number,
    move: (isNeeded: boolean) => Promise<void> | undefined,
    onChange: () => void,
  ) {
    this.name = name;
    this.#bytes = stored ?? new Uint8Array(0);
    this.#length = this.#bytes.length;
    this.#bytesMax = bytesMax;
    this.#move = move;
    this.#onChange = onChange;
  }

  get descriptor(): number {
    return this.#file?.descriptor ?? -1;
  }

  /** All of it; only while it is no file. */
  all(): Uint8Array {
    const bytes = this.#bytes ?? this.#elsewhere?.();
    assert(bytes !== undefined, "what is neither in memory nor elsewhere is a file");
    return bytes.length < this.#length ? lengthened(bytes, this.#length) : bytes.subarray(0, this.#length);
  }

  /** Its bytes need not stay in memory: `elsewhere` gives them. */
  shed(elsewhere: () => Uint8Array): void {
    this.#elsewhere = elsewhere;
    this.#bytes = undefined;
  }

  async become(file: DiskFile): Promise<void> {
    const bytes = this.all();
    if (bytes.length > 0) await file.write(bytes, 0);
    this.#file = file;
    this.#bytes = undefined;
  }

  async read(into: Uint8Array, position: number): Promise<number> {
    if (this.#file !== undefined) return await this.#file.read(into, position);
    const bytes = this.all().subarray(position, position + into.length);
    into.set(bytes);
    return bytes.length;
  }

  async write(bytes: Uint8Array, position: number): Promise<void> {
    const end = position + bytes.length;
    if (!(await this.#staysFor(end))) return await this.#file!.write(bytes, position);
    this.#bytes ??= this.all();
    // What only grows, as a journal does, is not copied for each record.
    if (end > this.#bytes.length) this.#bytes = lengthened(this.#bytes, position === 0 ? end : 2 * end);
    this.#bytes.set(bytes, position);
    this.#length = Math.max(this.#length, end);
  }

  async truncate(lengthBytes: number): Promise<void> {
    if (!(await this.#staysFor(lengthBytes))) return await this.#file!.truncate(lengthBytes);
    if (lengthBytes < this.#length) this.#bytes = this.all().slice(0, lengthBytes);
    this.#length = lengthBytes;
  }

  /** False when it is a file, which it becomes when it is to be longer than memory is for, or its other half is. */
  async #staysFor(lengthBytes: number): Promise<boolean> {
    this.#onChange();
    if (this.#file === undefined) await this.#move(lengthBytes > this.#bytesMax);
    return this.#file === undefined;
  }

  async allocate(lengthBytes: number): Promise<void> {
    await this.#file?.allocate(lengthBytes);
  }

  async clear(position: number, count: number, isBlank: boolean): Promise<void> {
    if (this.#file !== undefined) return await this.#file.clear(position, count, isBlank);
    await this.write(new Uint8Array(count), position);
  }

  async cloneFrom(source: DiskFile): Promise<boolean> {
    return (await this.#file?.cloneFrom(source)) ?? false;
  }

  async identity(): Promise<FileIdentity> {
    if (this.#file !== undefined) return await this.#file.identity();
    const lengths = { sizeBytes: this.#length, spaceBytes: this.#length };
    return { device: 0n, inode: 0n, ...lengths, modifiedNs: 0n, changedNs: 0n, links: 1, isRegular: true };
  }

  async close(): Promise<void> {
    await this.#file?.close();
  }
}

function lengthened(bytes: Uint8Array, lengthBytes: number): Uint8Array {
  const longer = new Uint8Array(lengthBytes);
  longer.set(bytes);
  return longer;
}
