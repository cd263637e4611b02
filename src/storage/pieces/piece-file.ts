/**
 * One object at rest: a content file and its journal, opened together.
 *
 * The content file may be the user's own output (one write per byte) or a file of the cache; this
 * code never learns a path, only the two open files.
 *
 * Invariants:
 *  1. `have` names only pieces whose bytes hash to the digest in the journal: written by this boot,
 *     or hashed again when the journal was opened.
 *  2. A piece is in `have` only after its content write ended; its record is queued at that moment.
 *  3. One journal write runs at a time and takes all records queued by then. Records of pieces wait up
 *     to `journalDelayMs` for others: a crash loses no more than what came in that time.
 *  4. An object begins only when no write of the one before it is under way.
 */

import { asDarnerError, assert, Bitfield, bytesEqual, DarnerError } from "#base/mod.ts";
import { pieceCount } from "#core/model/mod.ts";
import type { Clock, Timer } from "#platform/clock.ts";
import type { DiskFile } from "#platform/disk.ts";
import { sha256 } from "#platform/digest.ts";
import { decodeJournal, encodeRecord, type EndRecord, type JournalRecord, type ObjectRecord } from "./journal.ts";

/** A journal above this is not ours: 16,384 pieces take 1 MB. */
const journalBytesMax = 256 * 1024 * 1024;
/** A write of 57 bytes wakes two threads: many a second cost more than the little that a crash may lose. */
const journalDelayMs = 250;
const recordsGatheredMax = 64;

export interface PieceFileOptions {
  readonly content: DiskFile;
  readonly journal: DiskFile;
  /** Names the running boot of the machine, 8 bytes; see Invariant 3 of the journal. */
  readonly boot: Uint8Array;
  /** Without one no record waits for others. */
  readonly clock?: Clock;
}

export class PieceFile {
  readonly content: DiskFile;
  readonly #journal: DiskFile;
  readonly #boot: Uint8Array;
  readonly #clock: Clock | undefined;
  #gathering: Timer | undefined;
  #journalEnd = 0;
  #queued: Uint8Array[] = [];
  #writing: Promise<void> | undefined;
  #beginning = false;
  /** Content writes under way. */
  readonly #putting = new Set<Promise<void>>();
  #failure: DarnerError | undefined;
  #object: ObjectRecord | undefined;
  #end: EndRecord | undefined;
  #have = new Bitfield(0);
  #lengthFound: number | undefined;
  #digests: (Uint8Array | undefined)[] = [];

  private constructor(options: PieceFileOptions) {
    this.content = options.content;
    this.#journal = options.journal;
    this.#boot = options.boot;
    this.#clock = options.clock;
  }

  /** Reads the journal and re-hashes what another boot wrote. A journal that is not ours counts as empty. */
  static async open(options: PieceFileOptions): Promise<PieceFile> {
    const file = new PieceFile(options);
    await file.#replay();
    return file;
  }

  get object(): ObjectRecord | undefined {
    return this.#object;
  }

  /** Set once the object is whole and proved. */
  get end(): EndRecord | undefined {
    return this.#end;
  }

  get have(): Bitfield {
    return this.#have;
  }

  /** Length of the object: told at its start, or known since its last, shorter piece came. */
  get lengthBytes(): number | undefined {
    return this.#end?.lengthBytes ?? this.#object?.lengthBytes ?? this.#lengthFound;
  }

  /** Bytes of the pieces held. */
  get heldBytes(): number {
    const { lengthBytes } = this;
    const pieceBytes = this.#object?.pieceBytes ?? 0;
    const last = this.#have.length - 1;
    if (lengthBytes === undefined || last < 0 || !this.#have.has(last)) return this.#have.count * pieceBytes;
    return (this.#have.count - 1) * pieceBytes + (lengthBytes - last * pieceBytes);
  }

  /** SHA-256 of a held piece. */
  digestOf(index: number): Uint8Array | undefined {
    return this.#have.has(index) ? this.#digests[index] : undefined;
  }

  /** Forgets what was held and starts this object: the content file gets its length at once. */
  async begin(object: ObjectRecord): Promise<void> {
    this.#beginning = true;
    try {
      await this.#beginAlone(object);
    } finally {
      this.#beginning = false;
    }
  }

  async #beginAlone(object: ObjectRecord): Promise<void> {
    // A late write of the old object would lie over a piece of the new one.
    await Promise.allSettled(this.#putting);
    await this.flush().catch(() => undefined);
    this.#failure = undefined;
    await this.#journal.truncate(0);
    this.#journalEnd = 0;
    this.#object = object;
    this.#end = undefined;
    this.#lengthFound = undefined;
    this.#digests = [];
    this.#have = new Bitfield(object.lengthBytes === undefined ? 0 : pieceCount(object.lengthBytes, object.pieceBytes));
    await this.content.truncate(object.lengthBytes ?? 0);
    this.#append(object);
    await this.flush();
  }

  /** Stores one piece that is known to be good; resolves when its content is written. */
  async put(index: number, bytes: Uint8Array, digest: Uint8Array): Promise<void> {
    const object = this.#object;
    assert(object !== undefined, "an object has begun before its pieces come");
    if (this.#failure !== undefined) throw this.#failure;
    // What comes while another object begins belongs to the old one: nobody wants it.
    if (this.#beginning || this.#have.has(index)) return;
    await this.#writeContent(bytes, index * object.pieceBytes);
    if (this.#object !== object) return;
    if (object.lengthBytes === undefined) this.#have.grow(index + 1);
    if (!this.#have.set(index)) return;
    if (bytes.length < object.pieceBytes) this.#lengthFound = index * object.pieceBytes + bytes.length;
    this.#digests[index] = digest;
    this.#append({ kind: "piece", index, digest, boot: this.#boot });
  }

  async #writeContent(bytes: Uint8Array, position: number): Promise<void> {
    const writing = this.content.write(bytes, position);
    this.#putting.add(writing);
    try {
      await writing;
    } finally {
      this.#putting.delete(writing);
    }
  }

  /** Reads one held piece into `into`, which must have the piece's length. The bytes are not hashed. */
  async read(index: number, into: Uint8Array, offset = 0): Promise<void> {
    assert(this.#object !== undefined, "an object has begun before it is read");
    const position = index * this.#object.pieceBytes + offset;
    const count = await this.content.read(into, position);
    if (count < into.length) {
      throw new DarnerError(
        "disk.failed",
        `cannot read ${this.content.name}: it ends after ${position + count} bytes, shorter than was written`,
      );
    }
  }

  /** A piece turned out not to be what was stored: it is fetched again. */
  drop(index: number): void {
    if (this.#have.clear(index)) this.#digests[index] = undefined;
  }

  /** Marks the object whole. `lengthBytes` also settles an object of unknown length. */
  async finish(lengthBytes: number, digests: readonly string[]): Promise<EndRecord> {
    assert(this.#object !== undefined, "an object has begun before it ends");
    this.#have.grow(pieceCount(lengthBytes, this.#object.pieceBytes));
    assert(this.#have.full, "an object ends only when every piece is there");
    const end: EndRecord = { kind: "end", lengthBytes, digests };
    this.#end = end;
    this.#append(end);
    await this.flush();
    return end;
  }

  /** Replaces the object's notes. */
  annotate(notes: Readonly<Record<string, unknown>>): void {
    assert(this.#object !== undefined, "an object has begun before it is annotated");
    this.#object = { ...this.#object, notes };
    this.#append({ kind: "notes", notes });
  }

  /** Resolves when every record queued so far is written; throws what a write met. */
  async flush(): Promise<void> {
    this.#writeNow();
    while (this.#writing !== undefined) await this.#writing;
    if (this.#failure !== undefined) throw this.#failure;
  }

  async close(): Promise<void> {
    await this.flush().catch(() => undefined);
    await this.content.close();
    await this.#journal.close();
  }

  #append(record: JournalRecord): void {
    this.#queued.push(encodeRecord(record));
    const waits = this.#clock !== undefined && record.kind === "piece" && this.#queued.length < recordsGatheredMax;
    if (waits) this.#gathering ??= this.#clock.after(journalDelayMs, () => this.#writeNow());
    else this.#writeNow();
  }

  #writeNow(): void {
    this.#gathering?.cancel();
    this.#gathering = undefined;
    if (this.#queued.length > 0) this.#writing ??= this.#writeQueued();
  }

  async #writeQueued(): Promise<void> {
    try {
      while (this.#queued.length > 0) {
        const batch = Buffer.concat(this.#queued);
        this.#queued = [];
        const position = this.#journalEnd;
        this.#journalEnd += batch.length;
        await this.#journal.write(batch, position);
      }
    } catch (error) {
      this.#failure = asDarnerError(error);
      this.#queued = [];
    } finally {
      this.#writing = undefined;
    }
  }

  async #replay(): Promise<void> {
    const { sizeBytes } = await this.#journal.identity();
    if (sizeBytes === 0 || sizeBytes > journalBytesMax) return;
    const bytes = new Uint8Array(sizeBytes);
    const count = await this.#journal.read(bytes, 0);
    const { records, validBytes } = decodeJournal(bytes.subarray(0, count));
    this.#journalEnd = validBytes;
    // Whole records behind a spoiled one must not come back when it is overwritten.
    if (validBytes < sizeBytes) await this.#journal.truncate(validBytes);
    const suspects: number[] = [];
    for (const record of records) this.#apply(record, suspects);
    if (this.#object === undefined) return;
    const { sizeBytes: contentBytes } = await this.content.identity();
    for (const index of this.#have.indices()) {
      if (index * this.#object.pieceBytes + this.#pieceLength(index) > contentBytes) this.drop(index);
    }
    for (const index of suspects) await this.#rehash(index);
    if (!this.#have.full) this.#end = undefined;
  }

  #apply(record: JournalRecord, suspects: number[]): void {
    if (record.kind === "object") {
      this.#object = record;
      this.#have = new Bitfield(
        record.lengthBytes === undefined ? 0 : pieceCount(record.lengthBytes, record.pieceBytes),
      );
      this.#digests = [];
      this.#end = undefined;
      suspects.length = 0;
    } else if (record.kind === "end") {
      this.#end = record;
    } else if (record.kind === "notes") {
      if (this.#object !== undefined) this.#object = { ...this.#object, notes: record.notes };
    } else if (this.#object !== undefined) {
      if (this.#object.lengthBytes === undefined) this.#have.grow(record.index + 1);
      if (record.index >= this.#have.length) return;
      this.#have.set(record.index);
      this.#digests[record.index] = record.digest;
      if (!bytesEqual(record.boot, this.#boot)) suspects.push(record.index);
    }
  }

  #pieceLength(index: number): number {
    const pieceBytes = this.#object?.pieceBytes ?? 0;
    const { lengthBytes } = this;
    return lengthBytes === undefined ? pieceBytes : Math.min(pieceBytes, lengthBytes - index * pieceBytes);
  }

  async #rehash(index: number): Promise<void> {
    const expected = this.digestOf(index);
    if (expected === undefined) return;
    const bytes = new Uint8Array(this.#pieceLength(index));
    const count = await this.content.read(bytes, index * (this.#object?.pieceBytes ?? 0));
    if (count < bytes.length || !bytesEqual(sha256(bytes), expected)) this.drop(index);
  }
}
