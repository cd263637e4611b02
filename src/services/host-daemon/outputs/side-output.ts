/**
 * An output that is not the task's store: its bytes are opened and written beside it, piece by piece as
 * they come, and what lay in the store before is copied at the end.
 *
 * Invariants:
 *  1. Only pieces that were checked against the manifest, and whose seal held, are written.
 *  2. All of it is of one generation: another one begins from nothing.
 *  3. `settled` resolves when no write is under way and none begins any more: only then may it be closed.
 *  4. Of whose client is gone hardly anything more is written: the file may be another one's in a moment.
 */

import { asDarnerError, Bitfield, isZeros, type DarnerError } from "#base/mod.ts";
import { pieceCount } from "#core/model/mod.ts";
import type { DiskFile } from "#platform/files/disk.ts";
import type { PieceFile } from "#storage/pieces/mod.ts";
import { readChecked, spoiled, type BesideOutput, type HostTask } from "../tasks/mod.ts";
import { assertWanted, copyChecked, type ByteSpan } from "./output-copy.ts";

export class SideOutput implements BesideOutput {
  readonly #file: DiskFile;
  readonly #isOver: () => boolean;
  #generation: string | undefined;
  #written = new Bitfield(0);
  #begun: Promise<void> = Promise.resolve();
  readonly #writing = new Set<Promise<void>>();
  #failure: DarnerError | undefined;
  #closed = false;

  constructor(file: DiskFile, isOver: () => boolean) {
    this.#file = file;
    this.#isOver = isOver;
  }

  /** Writes one clear piece of the store's object; resolves when its buffer is free. What fails is told at the end. */
  async put(store: PieceFile, index: number, clear: Uint8Array): Promise<void> {
    if (this.#closed || this.#isOver() || this.#failure !== undefined) return;
    const writing = this.#put(store, index, clear).catch((error: unknown) => {
      this.#failure = asDarnerError(error);
    });
    this.#writing.add(writing);
    await writing;
    this.#writing.delete(writing);
  }

  async #put(store: PieceFile, index: number, clear: Uint8Array): Promise<void> {
    const generation = store.object?.generation;
    const position = index * (store.clearPieceBytes ?? 0);
    if (this.#generation !== generation) {
      this.#generation = generation;
      this.#written = new Bitfield(0);
      this.#begun = this.#begin(store.clearLengthBytes, [...this.#writing]);
    }
    await this.#begun;
    if (this.#generation !== generation) return;
    const isHole = store.clearLengthBytes !== undefined && isZeros(clear);
    await (isHole ? this.#file.clear(position, clear.length, true) : this.#file.write(clear, position));
    if (this.#generation !== generation) return;
    this.#written.grow(index + 1);
    this.#written.set(index);
  }

  async #begin(lengthBytes: number | undefined, before: readonly Promise<void>[]): Promise<void> {
    // A late write of another generation would lie over a piece of this one.
    if (before.length > 0) await Promise.allSettled(before);
    await this.#file.truncate(0);
    if (lengthBytes === undefined) return;
    await this.#file.truncate(lengthBytes);
    await this.#file.allocate(lengthBytes);
  }

  /** Makes it the span of the object: what is missing is copied out of the store. Throws what a write met. */
  async complete(task: Pick<HostTask, "store" | "spoiled" | "sealing">, span: ByteSpan): Promise<void> {
    await Promise.all(this.#writing);
    if (this.#failure !== undefined) throw this.#failure;
    const { store } = task;
    const { clearPieceBytes = 1 } = store;
    const isBegun = this.#written.count > 0 && this.#generation === store.object?.generation;
    if (!isBegun) return await copyChecked(task, span, this.#file, this.#isOver);
    for (let index = 0; index < pieceCount(span.end, clearPieceBytes); index++) {
      if (index < this.#written.length && this.#written.has(index)) continue;
      assertWanted(this.#isOver);
      const clear = await readChecked(task, index);
      if (clear === undefined) throw spoiled(task);
      await this.#file.write(clear, index * clearPieceBytes);
    }
    await this.#file.truncate(span.end);
  }

  async settled(): Promise<void> {
    this.#closed = true;
    await Promise.all(this.#writing);
  }
}
