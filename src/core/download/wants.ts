/**
 * Which pieces are still to be got, and which parent has each of them in hand.
 *
 * A piece is open when it is listed, wanted, not held and in nobody's hand; only open pieces are
 * chosen: what readers need next, then the rarest among the parents.
 */

import { assert, Bitfield } from "#base/mod.ts";
import type { PieceInterest } from "./interest.ts";
import type { Parent } from "./parent.ts";
import { Rarity } from "./rarity.ts";

/** What `#holders` can tell apart. */
const numberMax = 0xffff;

export class Wants {
  readonly held: Bitfield;
  readonly rarity = new Rarity();
  readonly #interest: PieceInterest | undefined;
  readonly #listed: Bitfield;
  /** Piece -> the number of the parent it stands with (or comes from), 0 for nobody. */
  #holders = new Uint16Array(0);
  /** Parents by their numbers. */
  readonly #parents: (Parent | undefined)[] = [undefined];
  readonly #freeNumbers: number[] = [];
  /** Pieces that two parents may send. */
  readonly #doubled = new Set<number>();
  /** How many pieces have a holder. */
  inHand = 0;
  /** Listed and wanted pieces not held yet. */
  missing = 0;

  /** Without an interest all pieces are wanted, in no order. */
  constructor(held: Bitfield, interest: PieceInterest | undefined) {
    this.held = held;
    this.#interest = interest;
    this.#listed = new Bitfield(held.length);
  }

  /** Others are wanted than before. */
  rewant(): void {
    this.missing = 0;
    for (let index = 0; index < this.#listed.length; index++) {
      if (!this.#isListed(index)) this.rarity.close(index);
      else if (!this.held.has(index)) {
        this.missing++;
        this.#reopen(index);
      }
    }
  }

  /** At most `count` open pieces of `among`, to be asked for next. */
  choose(among: Bitfield, count: number, unit: () => number): readonly number[] {
    const urgent = this.#interest?.ahead() ?? [];
    if (urgent.length === 0) return this.rarity.rarest(among, count, unit);
    const chosen = new Set<number>();
    for (const index of urgent) if (this.rarity.isOpen(index) && among.has(index)) chosen.add(index);
    for (const index of this.rarity.rarest(among, count, unit)) chosen.add(index);
    return [...chosen].slice(0, count);
  }

  /** A reader waits for it, or soon will. */
  isUrgent(index: number): boolean {
    return this.#interest?.ahead().includes(index) ?? false;
  }

  list(index: number): void {
    this.#listed.grow(index + 1);
    this.held.grow(index + 1);
    if (!this.#listed.set(index)) return;
    if (!this.held.has(index) && this.#isListed(index)) this.missing++;
    this.#reopen(index);
  }

  holder(index: number): Parent | undefined {
    return this.#parents[this.#holders[index] ?? 0];
  }

  /** The piece stands with the parent from now on, or with nobody. */
  hand(index: number, parent: Parent | undefined): void {
    const before = this.#holders[index] ?? 0;
    const number = parent === undefined ? 0 : this.#numberOf(parent);
    if (before === number) return;
    if (index >= this.#holders.length) this.#growHolders(index);
    this.#holders[index] = number;
    this.inHand += Number(number > 0) - Number(before > 0);
    if (parent === undefined) this.#reopen(index);
    else this.rarity.close(index);
  }

  #growHolders(index: number): void {
    const larger = new Uint16Array(Math.max(index + 1, this.#listed.length, this.#holders.length * 2));
    larger.set(this.#holders);
    this.#holders = larger;
  }

  #numberOf(parent: Parent): number {
    if (parent.number > 0) return parent.number;
    parent.number = this.#freeNumbers.pop() ?? this.#parents.length;
    assert(parent.number <= numberMax, "a download has not that many parents at a time");
    this.#parents[parent.number] = parent;
    return parent.number;
  }

  /** The parent, which has nothing in hand any more, is none. */
  dismiss(parent: Parent): void {
    parent.dismiss();
    if (parent.number === 0) return;
    this.#parents[parent.number] = undefined;
    this.#freeNumbers.push(parent.number);
    parent.number = 0;
  }

  /** The parent gives up what it had in hand; if the piece was asked twice, it is in the second one's now. */
  release(index: number, parent: Parent, parents: Iterable<Parent>): void {
    if (this.holder(index) === parent) this.hand(index, this.secondOf(index, parent, parents));
  }

  /** Who of `parents` may send the piece beside `first`. */
  secondOf(index: number, first: Parent, parents: Iterable<Parent>): Parent | undefined {
    if (!this.#doubled.has(index)) return undefined;
    for (const parent of parents) if (parent !== first && parent.mayStillSend(index)) return parent;
    return undefined;
  }

  /** Another parent than its holder may send the piece as well. */
  double(index: number): void {
    this.#doubled.add(index);
  }

  /** The piece is held: `isNew` when it was not before, `doubled` when another parent may still send it. */
  keep(index: number): { readonly isNew: boolean; readonly doubled: boolean } {
    this.held.grow(index + 1);
    const isNew = this.held.set(index);
    this.hand(index, undefined);
    if (!isNew) return { isNew, doubled: false };
    this.rarity.close(index);
    if (this.#isListed(index)) this.missing--;
    return { isNew, doubled: this.#doubled.delete(index) };
  }

  /** A piece thought to be held is not; true when it was. */
  forget(index: number): boolean {
    if (!this.held.clear(index)) return false;
    if (this.#isListed(index)) this.missing++;
    this.#reopen(index);
    return true;
  }

  #isListed(index: number): boolean {
    return this.#listed.has(index) && (this.#interest?.wants(index) ?? true);
  }

  #reopen(index: number): void {
    const free = this.#isListed(index) && !this.held.has(index) && (this.#holders[index] ?? 0) === 0;
    if (free) this.rarity.open(index);
  }
}
