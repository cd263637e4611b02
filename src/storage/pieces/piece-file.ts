/**
 * One object at rest: a content file and its journal, opened together.
 *
 * The content file may be the user's own output (one write per byte) or a file of the cache; this
 * code never learns a path, only the two open files.
 *
 * Invariants:
 *  1. `have` names only pieces whose bytes hash to the digest in the journal: written under this mark,
 *     or hashed again when the journal was opened.
 *  2. A piece is in `have` only after its content write ended; its record is queued at that moment.
 *  3. An object begins only when no write of the one before it is under way, and none of its pieces goes out.
 *  4. An object has ended only while all its pieces are there.
 */

import { assert, Bitfield, bytesEqual, DarnerError, isZeros } from "#base/mod.ts";
import { clearLength, clearLengthOf, clearPieceLength, pieceCount, sealBytes } from "#core/model/mod.ts";
import type { Clock } from "#platform/machine/clock.ts";
import type { DiskFile } from "#platform/files/disk.ts";
import { sha256 } from "#platform/keys/digest.ts";
import {
  decodeJournal,
  markOf,
  type EndRecord,
  type JournalRead,
  type JournalRecord,
  type ObjectRecord,
} from "./journal.ts";
import { JournalWriter } from "./journal-writer.ts";
import { UnderWay } from "./under-way.ts";

/** A journal above this is not ours: 16,384 pieces take 0.6 MB, and as much again for each boot that used them. */
const journalBytesMax = 256 * 1024 * 1024;
const digestBytes = 32;
/** 64 TiB of the longest pieces. A journal that tells of more is not ours. */
const piecesMax = 2 ** 22;

export interface PieceFileOptions {
  readonly content: DiskFile;
  readonly journal: DiskFile;
  /** Names the running boot of the machine, 8 bytes; see Invariant 3 of the journal. */
  readonly boot: Uint8Array;
  /** Without one no piece's record waits for others, and no piece is lent. */
  readonly clock?: Clock;
  /** Set aside the space of a whole object when it begins. */
  readonly spaceAhead?: boolean;
  /** Hash every piece again, whoever vouches for it. */
  readonly hashAll?: boolean;
}

export class PieceFile {
  readonly content: DiskFile;
  /** Pieces that the journal told of when it was opened, and that were not what it says. */
  readonly spoiled: number[] = [];
  readonly #journal: JournalWriter;
  readonly #mark: Uint8Array;
  readonly #spaceAhead: boolean;
  readonly #underWay: UnderWay;
  #beginning = false;
  /** Pieces in whose place nothing was written since the content was empty. */
  #blank = new Bitfield(0);
  #object: ObjectRecord | undefined;
  /** Counts the objects that began: notes make another record of the same one. */
  #began = 0;
  #end: EndRecord | undefined;
  #have = new Bitfield(0);
  #lengthFound: number | undefined;
  /** Digests of pieces that turned out to be spoiled, until they are stored again. */
  readonly #lost = new Map<number, Uint8Array>();
  /** Of all pieces, one behind the other; only those of `have` mean anything. */
  #digests = new Uint8Array(0);

  private constructor(options: PieceFileOptions, journal: JournalWriter, mark: Uint8Array) {
    this.content = options.content;
    this.#journal = journal;
    this.#mark = mark;
    this.#spaceAhead = options.spaceAhead ?? false;
    this.#underWay = new UnderWay(options.clock);
  }

  /** Reads the journal and hashes what was written under another mark. A journal that is not ours counts as empty. */
  static async open(options: PieceFileOptions): Promise<PieceFile> {
    const { content, journal, boot, clock, hashAll = false } = options;
    const identity = await content.identity();
    const mark = markOf(boot, identity);
    const read = await readJournal(journal);
    const file = new PieceFile(options, new JournalWriter(journal, read, mark, clock), mark);
    await file.#replay(read.records, identity.sizeBytes, hashAll);
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

  /** Bytes of the object in each piece but the last, as its reader counts them. */
  get clearPieceBytes(): number | undefined {
    const { seal, pieceBytes } = this.#object ?? {};
    return seal === undefined || pieceBytes === undefined ? pieceBytes : clearPieceLength(pieceBytes);
  }

  /** Length of the object as its reader counts it. */
  get clearLengthBytes(): number | undefined {
    return this.#object === undefined ? undefined : clearLengthOf({ ...this.#object, lengthBytes: this.lengthBytes });
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
    if (!this.#have.has(index)) return undefined;
    return this.#digests.subarray(index * digestBytes, (index + 1) * digestBytes);
  }

  /** What the piece must be: SHA-256 of one that is held, or was until it turned out to be spoiled. */
  vouchedDigestOf(index: number): Uint8Array | undefined {
    return this.digestOf(index) ?? this.#lost.get(index);
  }

  /**
   * Forgets what was held and starts this object: the content file gets its length at once, and its
   * space if that was asked for. Throws `disk.full`; then there is no object.
   */
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
    await this.#underWay.writesEnded();
    // None of its pieces sets out any more, and nobody gets the half of one that is cut.
    this.#forgetAll(undefined);
    await this.#underWay.outgoingEnded();
    await this.#journal.restart();
    const { lengthBytes = 0 } = object;
    // Empty first: what is in the place of a piece of zeros may then stay as it is.
    await this.content.truncate(0);
    await this.content.truncate(lengthBytes);
    if (this.#spaceAhead && lengthBytes > 0) await this.content.allocate(lengthBytes);
    this.#forgetAll(object);
    for (let index = 0; index < this.#have.length; index++) this.#blank.set(index);
    this.#journal.record(object);
    await this.flush();
  }

  /** A held piece goes out straight from the content file until `sending` ends. */
  lend(sending: Promise<unknown>): void {
    this.#underWay.goesOut(sending);
  }

  #forgetAll(object: ObjectRecord | undefined): void {
    const pieces = object?.lengthBytes === undefined ? 0 : pieceCount(object.lengthBytes, object.pieceBytes);
    this.#object = object;
    this.#began++;
    this.#end = undefined;
    this.#lengthFound = undefined;
    this.#lost.clear();
    this.#have = new Bitfield(pieces);
    this.#blank = new Bitfield(pieces);
    this.#digests = new Uint8Array(0);
  }

  /** Stores one piece that is known to be good; resolves when its content is written. */
  async put(index: number, bytes: Uint8Array, digest: Uint8Array): Promise<void> {
    await this.#journal.assertWritable();
    // What comes while another object begins belongs to the old one: nobody wants it.
    if (this.#beginning || this.#have.has(index)) return;
    const object = this.#object;
    assert(object !== undefined, "an object has begun before its pieces come");
    const began = this.#began;
    await this.#writeContent(object, index, bytes);
    if (this.#began !== began || !this.#hold(index, digest)) return;
    if (bytes.length < object.pieceBytes) this.#lengthFound = index * object.pieceBytes + bytes.length;
    this.#journal.piece({ index, digest });
  }

  /** False when it was held before, or cannot be a piece of this object. */
  #hold(index: number, digest: Uint8Array): boolean {
    if (this.#object?.lengthBytes === undefined && index < piecesMax) this.#have.grow(index + 1);
    if (index >= this.#have.length || !this.#have.set(index)) return false;
    const end = (index + 1) * digestBytes;
    if (end > this.#digests.length) {
      const larger = new Uint8Array(Math.max(end, this.#digests.length * 2));
      larger.set(this.#digests);
      this.#digests = larger;
    }
    this.#digests.set(digest, index * digestBytes);
    this.#lost.delete(index);
    return true;
  }

  /** A piece of zeros is a hole, in a file that has its length. */
  async #writeContent(object: ObjectRecord, index: number, bytes: Uint8Array): Promise<void> {
    const position = index * object.pieceBytes;
    const isHole = object.lengthBytes !== undefined && isZeros(bytes);
    const isBlank = isHole ? this.#blank.has(index) : this.#blank.clear(index);
    const { content } = this;
    const writing = isHole ? content.clear(position, bytes.length, isBlank) : content.write(bytes, position);
    await this.#underWay.write(writing);
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

  /**
   * Held pieces that are not there any more: those that the file ends before, and all that have other
   * bytes, if this one has; whatever changed one has seldom stopped there.
   */
  async findSpoiled(index?: number): Promise<readonly number[]> {
    const { sizeBytes } = await this.content.identity().catch(() => ({ sizeBytes: Infinity }));
    const spoiled = [...this.#have.indices()].filter((held) => !this.#isWithin(held, sizeBytes));
    const seen = async (held: number): Promise<Seen> =>
      this.#have.has(held) && this.#isWithin(held, sizeBytes) ? await this.#look(held) : "intact";
    if (index !== undefined && (await seen(index)) === "intact") return spoiled;
    for (const held of this.#have.clone().indices()) {
      const found = await seen(held);
      if (found === "changed" || (found === "unreadable" && held === index)) spoiled.push(held);
    }
    return spoiled;
  }

  /** A piece turned out not to be what was stored: it is not there any more, also after a restart. */
  drop(index: number): void {
    const digest = this.digestOf(index)?.slice();
    if (digest === undefined) return;
    this.#have.clear(index);
    this.#lost.set(index, digest);
    this.#end = undefined;
    this.#journal.record({ kind: "lost", index });
  }

  /** Marks the object whole. `lengthBytes` also settles an unknown one. Throws `interrupted` when it got lost. */
  async finish(lengthBytes: number, digests: readonly string[]): Promise<EndRecord> {
    assert(this.#object !== undefined, "an object has begun before it ends");
    this.#have.grow(pieceCount(lengthBytes, this.#object.pieceBytes));
    assert(this.#have.full, "an object ends only when every piece is there");
    const began = this.#began;
    // A loss of power may have kept the object's beginning and lost the cut of what lay there before.
    const { sizeBytes } = await this.content.identity();
    if (sizeBytes !== lengthBytes) await this.content.truncate(lengthBytes);
    if (this.#began !== began || !this.#have.full)
      throw new DarnerError("interrupted", "cannot end the object: its pieces are not there any more", {
        retry: "now",
      });
    const end: EndRecord = { kind: "end", lengthBytes, digests };
    this.#end = end;
    this.#journal.record(end);
    await this.flush();
    return end;
  }

  /** Replaces the object's notes. */
  annotate(notes: Readonly<Record<string, unknown>>): void {
    assert(this.#object !== undefined, "an object has begun before it is annotated");
    this.#object = { ...this.#object, notes };
    this.#journal.record({ kind: "notes", notes });
  }

  /** Resolves when every record so far is written; throws what a write met. */
  flush(): Promise<void> {
    return this.#journal.flush();
  }

  async close(): Promise<void> {
    await this.#journal.close();
    await this.content.close();
  }

  async #replay(records: readonly JournalRecord[], contentBytes: number, hashAll: boolean): Promise<void> {
    const suspects = new Set<number>();
    for (const record of records) this.#apply(record, suspects);
    if (this.#object === undefined) return;
    for (const index of this.#have.indices()) {
      const isSuspect = suspects.has(index);
      if (!this.#isWithin(index, contentBytes) || ((isSuspect || hashAll) && !(await this.#isIntact(index))))
        this.spoiled.push(index);
      // From now on it is vouched for under this mark: the next opening need not hash it again.
      else if (isSuspect) this.#journal.piece({ index, digest: this.digestOf(index)! });
    }
    for (const index of this.spoiled) this.drop(index);
    if (!this.#have.full) this.#end = undefined;
  }

  #apply(record: JournalRecord, suspects: Set<number>): void {
    if (record.kind === "object") {
      if (isPossible(record)) this.#forgetAll(record);
      suspects.clear();
    } else if (this.#object === undefined) {
      return;
    } else if (record.kind === "end") {
      this.#end = record;
    } else if (record.kind === "notes") {
      this.#object = { ...this.#object, notes: record.notes };
    } else if (record.kind === "lost") {
      const digest = this.digestOf(record.index)?.slice();
      if (digest !== undefined) this.#lost.set(record.index, digest);
      this.#have.clear(record.index);
    } else {
      const isOurs = bytesEqual(record.mark, this.#mark);
      for (const { index, digest } of record.pieces) {
        this.#have.clear(index);
        this.#hold(index, digest);
        if (isOurs) suspects.delete(index);
        else suspects.add(index);
      }
    }
  }

  #pieceLength(index: number): number {
    const pieceBytes = this.#object?.pieceBytes ?? 0;
    const { lengthBytes } = this;
    return lengthBytes === undefined ? pieceBytes : Math.min(pieceBytes, lengthBytes - index * pieceBytes);
  }

  #isWithin(index: number, contentBytes: number): boolean {
    return index * (this.#object?.pieceBytes ?? 0) + this.#pieceLength(index) <= contentBytes;
  }

  async #isIntact(index: number): Promise<boolean> {
    return (await this.#look(index)) === "intact";
  }

  async #look(index: number): Promise<Seen> {
    const bytes = new Uint8Array(this.#pieceLength(index));
    const count = await this.content.read(bytes, index * (this.#object?.pieceBytes ?? 0)).catch(() => 0);
    if (count < bytes.length) return "unreadable";
    return bytesEqual(sha256(bytes), this.digestOf(index)!) ? "intact" : "changed";
  }
}

type Seen = "intact" | "changed" | "unreadable";

/** The journal of an output is its user's to write. */
function isPossible({ pieceBytes, lengthBytes = 0, seal }: ObjectRecord): boolean {
  if (!Number.isSafeInteger(pieceBytes) || !Number.isSafeInteger(lengthBytes)) return false;
  if (seal !== undefined && (pieceBytes <= sealBytes || clearLength(lengthBytes, pieceBytes) === undefined))
    return false;
  return pieceBytes > 0 && lengthBytes >= 0 && pieceCount(lengthBytes, pieceBytes) <= piecesMax;
}

/** What checks in a journal; the rest is cut off. */
async function readJournal(journal: DiskFile): Promise<JournalRead> {
  const { sizeBytes } = await journal.identity();
  if (sizeBytes > journalBytesMax) return decodeJournal(new Uint8Array(0));
  const bytes = new Uint8Array(sizeBytes);
  const count = await journal.read(bytes, 0);
  const read = decodeJournal(bytes.subarray(0, count));
  // Whole records behind a spoiled one must not come back when it is overwritten.
  if (read.validBytes < sizeBytes) await journal.truncate(read.validBytes);
  return read;
}
