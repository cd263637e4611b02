/**
 * The writing side of one journal: gathers records, and writes what has gathered in one piece.
 *
 * Invariants:
 *  1. Records reach the file in the order in which they came; one write runs at a time.
 *  2. Pieces wait up to `gatherMs` for others, any other record takes them along at once: a crash
 *     loses no more pieces than were stored in that time.
 *  3. What a write failed to bring is kept and written again by the next one, in the same place.
 */

import { asDarnerError, type DarnerError } from "#base/mod.ts";
import type { Clock, Timer } from "#platform/machine/clock.ts";
import type { DiskFile } from "#platform/files/disk.ts";
import {
  checkOf,
  encodeRecord,
  firstCheck,
  piecesPerRecordMax,
  type JournalRead,
  type JournalRecord,
  type StoredPiece,
} from "./journal.ts";

/** A short write wakes two threads: many a second cost more than the little that a crash may lose. */
const gatherMs = 250;

export class JournalWriter {
  readonly #file: DiskFile;
  readonly #mark: Uint8Array;
  readonly #clock: Clock | undefined;
  #endBytes: number;
  /** Of the record that was queued last. */
  #check: Uint8Array;
  #pieces: StoredPiece[] = [];
  #queued: Uint8Array[] = [];
  #gathering: Timer | undefined;
  #writing: Promise<void> | undefined;
  #failure: DarnerError | undefined;

  /** Goes on behind what was `read`. Without a clock no piece waits for others. */
  constructor(file: DiskFile, read: JournalRead, mark: Uint8Array, clock: Clock | undefined) {
    this.#file = file;
    this.#endBytes = read.validBytes;
    this.#check = read.check;
    this.#mark = mark;
    this.#clock = clock;
  }

  piece(piece: StoredPiece): void {
    this.#pieces.push(piece);
    if (this.#clock === undefined || this.#pieces.length === piecesPerRecordMax) this.#writeNow();
    else this.#gather(this.#clock);
  }

  #gather(clock: Clock): void {
    this.#gathering ??= clock.after(gatherMs, () => this.#writeNow());
  }

  record(record: JournalRecord): void {
    this.#seal();
    this.#queue(record);
    this.#writeNow();
  }

  /** Resolves when everything so far is written; throws what the write met. */
  async flush(): Promise<void> {
    do {
      this.#writeNow();
      await this.#writing;
      if (this.#failure !== undefined) throw this.#failure;
    } while (this.#queued.length + this.#pieces.length > 0);
  }

  /** Throws while what came before cannot be written; a disk that has room again is no reason to. */
  async assertWritable(): Promise<void> {
    if (this.#failure !== undefined) await this.flush();
  }

  /** Empties the file; what has not been written is of no use any more. */
  async restart(): Promise<void> {
    await this.flush().catch(() => undefined);
    this.#queued = [];
    this.#failure = undefined;
    await this.#file.truncate(0);
    this.#endBytes = 0;
    this.#check = firstCheck;
  }

  async close(): Promise<void> {
    await this.flush().catch(() => undefined);
    await this.#file.close();
  }

  #seal(): void {
    if (this.#pieces.length === 0) return;
    this.#queue({ kind: "pieces", mark: this.#mark, pieces: this.#pieces });
    this.#pieces = [];
  }

  #queue(record: JournalRecord): void {
    const encoded = encodeRecord(record, this.#check);
    this.#check = checkOf(encoded);
    this.#queued.push(encoded);
  }

  #writeNow(): void {
    this.#gathering?.cancel();
    this.#gathering = undefined;
    this.#seal();
    if (this.#queued.length > 0) this.#writing ??= this.#write();
  }

  async #write(): Promise<void> {
    this.#failure = undefined;
    try {
      while (this.#queued.length > 0) {
        const batch = this.#queued.length === 1 ? this.#queued[0]! : Buffer.concat(this.#queued);
        this.#queued = [batch];
        await this.#file.write(batch, this.#endBytes);
        this.#queued.shift();
        this.#endBytes += batch.length;
      }
    } catch (error) {
      this.#failure = asDarnerError(error);
    } finally {
      this.#writing = undefined;
    }
  }
}
