/**
 * One object from many parents: which piece is asked of whom, and what happens when a parent is slow,
 * silent, gone or wrong. Pure: `step` takes an event with the time and returns effects.
 *
 * Invariants:
 *  1. Only pieces that the manifest lists are wanted.
 *  2. A piece stands with at most one parent; it moves only after the old one gave it back, was found
 *     silent, or is late beyond three times its predicted time when nothing else is left to ask for, or
 *     a reader waits for it: what comes twice takes the place of what has not come once.
 *  3. What stands with a parent is bounded by its window; every wait ends at a later tick.
 *  4. Who is no parent any more finishes the piece that it has begun, is asked for nothing, and then left.
 *  5. Of a parent in another site only what enters through this host (`EntryShare`) is asked, and nothing that
 *     a parent here holds; what is late there is not asked twice.
 */

import { assert, type Bitfield, Rows, unreachable } from "#base/mod.ts";
import type { EntryShare, ParentOffer } from "#core/protocol/mod.ts";
import { onlyAtSeed, seedToSpare } from "./across.ts";
import type { DownloadEffect, DownloadEvent } from "./events.ts";
import type { PieceInterest } from "./interest.ts";
import { Parent, parentRowNumbers } from "./parent.ts";
import { lostPatience } from "./patience.ts";
import { slowestFor } from "./take-over.ts";
import { Wants } from "./wants.ts";
import { guessMs, windowOf } from "./window.ts";

/** A parent that does not answer "give it back" within this time has lost its claim. */
const cancelMsMax = 2_000;
const seedRestMsMax = 200;
/** Puts seeds behind all peers. */
const seedWaitMs = 1e9;
const lateFactor = 3;
const lateMsMin = 300;
const nothing: DownloadEffect[] = [];

export interface SwarmDownloadOptions {
  /** Pieces held at the start. */
  readonly held: Bitfield;
  /** Which pieces are wanted; without it all of them. */
  readonly interest?: PieceInterest;
  /** Pieces that may stand with parents, come from them or wait for the disk at a time. */
  readonly inboundMax: number;
  /** A number in [0, 1), from the host's own randomness. */
  readonly unit: () => number;
}

export class SwarmDownload {
  readonly held: Bitfield;
  readonly #wants: Wants;
  readonly #unit: () => number;
  readonly #inboundMax: number;
  readonly #parents = new Map<string, Parent>();
  readonly #parentRows = new Rows(parentRowNumbers);
  /** What enters the site through this host. */
  #entry: EntryShare | undefined;
  #pieces: number | undefined;
  #effects = nothing;
  /** Pieces that came and wait for the disk. */
  #unwritten = 0;
  /** Bytes are counted by the caller; this counts pieces that came twice. */
  duplicates = 0;

  constructor(options: SwarmDownloadOptions) {
    this.held = options.held;
    this.#wants = new Wants(options.held, options.interest);
    this.#unit = options.unit;
    this.#inboundMax = options.inboundMax;
  }

  /** The manifest ended and every piece is held. */
  get finished(): boolean {
    return this.#pieces !== undefined && this.held.count >= this.#pieces;
  }

  /** Listed and wanted pieces not held yet. */
  get missing(): number {
    return this.#wants.missing;
  }

  /** Fewer than two open parents have anything new: the manager should give others at once. */
  get starving(): boolean {
    let useful = 0;
    for (const parent of this.#parents.values()) {
      if (parent.state !== "open" || parent.leaving || !parent.counts) continue;
      // What stands with it is not held: no need to look through all that it has.
      if (parent.standing.length === 0 && !parent.has.exceeds(this.held)) continue;
      if (++useful === 2) return false;
    }
    return true;
  }

  /** Pieces come from other sites that are not to enter through this host any more. */
  get crossing(): boolean {
    for (const parent of this.#parents.values()) if (parent.crossing) return true;
    return false;
  }

  /** Whether this parent is still a candidate. */
  knows(parent: string): boolean {
    return this.#parents.has(parent);
  }

  get openParents(): number {
    let open = 0;
    for (const parent of this.#parents.values()) if (parent.state === "open") open++;
    return open;
  }

  /** Bytes of a piece came: the commonest event of all, without effects. */
  heard(parent: string, bytes: number, nowMs: number): void {
    const state = this.#parents.get(parent);
    if (state === undefined) return;
    state.heardMs = nowMs;
    state.bytes += bytes;
  }

  step(event: DownloadEvent, nowMs: number): readonly DownloadEffect[] {
    this.#effects = nothing;
    this.#apply(event, nowMs);
    return this.#effects;
  }

  /** Mostly there is one effect: a list of one takes less than one that grows. */
  #emit(effect: DownloadEffect): void {
    if (this.#effects.length === 0) this.#effects = [effect];
    else this.#effects.push(effect);
  }

  #apply(event: DownloadEvent, nowMs: number): void {
    switch (event.kind) {
      case "listed":
        for (const index of event.indices) this.#wants.list(index);
        return this.#fillAll(nowMs);
      case "ended":
        this.#pieces = event.pieces;
        this.held.grow(event.pieces);
        return;
      case "parents":
        this.#admit(event.entry, nowMs);
        return this.#replaceParents(event.offers, nowMs);
      case "interest":
        this.#wants.rewant();
        return this.#fillAll(nowMs);
      case "tick":
        return this.#tick(nowMs);
      case "unwritten":
        return this.#paced(event.pieces, nowMs);
      case "opened":
      case "had":
      case "closed":
      case "started":
      case "stored":
      case "bad":
      case "cancelled": {
        const parent = this.#parents.get(event.parent);
        if (parent !== undefined) this.#applyToParent(parent, event, nowMs);
        else if (event.kind === "stored") this.#keep(event.index, nowMs);
        return;
      }
      default:
        unreachable(event);
    }
  }

  #applyToParent(parent: Parent, event: Extract<DownloadEvent, { parent: string }>, nowMs: number): void {
    parent.heardMs = nowMs;
    switch (event.kind) {
      case "opened":
        parent.opened(event.pieces.clone(), this.#entry, nowMs);
        if (parent.counts) this.#wants.rarity.addAll(parent.has);
        return this.#fill(parent, nowMs);
      case "had":
        for (const index of event.indices) {
          if (!parent.gained(index, this.#entry)) continue;
          if (parent.counts) this.#wants.rarity.add(index);
          if (!parent.across) continue;
          const seed = seedToSpare(index, this.#wants.holder(index), parent);
          if (seed !== undefined) this.#askBack(seed, index, parent, nowMs);
        }
        return this.#fill(parent, nowMs);
      case "closed":
        this.#lose(parent, nowMs);
        return this.#fillAll(nowMs);
      case "started":
        parent.gaveBack(event.index);
        parent.started = event.index;
        parent.startedMs = nowMs;
        return this.#begun(parent, event.index, nowMs);
      case "stored":
        if (!this.#keep(event.index, nowMs)) this.duplicates++;
        return this.#delivered(parent, event.index, nowMs);
      case "bad":
        this.#emit({ kind: "accuse", parent: parent.id, index: event.index });
        // It may have begun the next one meanwhile.
        this.#wants.release(event.index, parent, this.#parents.values());
        this.#hangUp(parent, "it sent bytes that are not in the manifest", nowMs, true);
        // A seed looks at its own piece when it hears of it, and gets it again.
        if (!parent.seed) parent.state = "banned";
        return this.#fillAll(nowMs);
      case "cancelled":
        for (const index of event.indices) this.#givenBack(parent, index, nowMs);
        this.#leaveIfDone(parent, nowMs);
        return this.#fillAll(nowMs);
      default:
        unreachable(event);
    }
  }

  /** Bytes of the piece come. Who else was asked for it since and has not begun need not. */
  #begun(parent: Parent, index: number, nowMs: number): void {
    const other = this.#wants.holder(index);
    if (other === parent) return;
    this.#wants.double(index);
    this.#wants.hand(index, parent);
    if (other?.standing.includes(index) === true) this.#askBack(other, index, parent, nowMs);
  }

  /** A piece thought to be held is not the one in the manifest: it is to be got after all. */
  forget(index: number): void {
    this.#wants.forget(index);
  }

  /** The disk has this many pieces before it: parents are asked again as it catches up. */
  #paced(pieces: number, nowMs: number): void {
    const wasFull = this.#wants.inHand + this.#unwritten >= this.#inboundMax;
    this.#unwritten = pieces;
    if (wasFull) this.#fillAll(nowMs);
  }

  /** True when the piece is new. Whoever else it stands with is told. */
  #keep(index: number, nowMs: number): boolean {
    const { isNew, doubled } = this.#wants.keep(index);
    if (!doubled) return isNew;
    // Two may have it: a late piece's second parent, or one that was asked because the first seemed not to answer.
    for (const parent of this.#parents.values()) {
      if (!parent.drop(index)) continue;
      parent.settle(nowMs);
      this.#emit({ kind: "cancel", parent: parent.id, indices: [index] });
    }
    return isNew;
  }

  #delivered(parent: Parent, index: number, nowMs: number): void {
    if (parent.started === index) parent.started = undefined;
    parent.drop(index);
    parent.delivered(nowMs);
    if (parent.leaving) this.#leaveIfDone(parent, nowMs);
    else this.#fill(parent, nowMs);
  }

  /** What was asked back for an idle parent goes to that one: who gave it might be the first to be asked again. */
  #givenBack(parent: Parent, index: number, nowMs: number): void {
    const taker = parent.gaveBack(index);
    parent.settle(nowMs);
    this.#wants.release(index, parent, this.#parents.values());
    const mayTake = taker?.state === "open" && taker.owed === 0 && taker.has.has(index);
    if (mayTake && this.#wants.rarity.isOpen(index)) this.#ask(taker, [index], nowMs);
  }

  #replaceParents(offers: readonly ParentOffer[], nowMs: number): void {
    const offered = new Set(offers.map((offer) => offer.id));
    for (const parent of this.#parents.values()) {
      parent.leaving = !offered.has(parent.id) && parent.state !== "banned";
      if (!parent.leaving) continue;
      const unbegun = parent.started === undefined ? [] : [...parent.standing];
      for (const index of unbegun) this.#askBack(parent, index, undefined, nowMs);
      this.#leaveIfDone(parent, nowMs);
    }
    for (const offer of offers) {
      const known = this.#parents.get(offer.id);
      // A seed's offer comes from the seed itself: it is back, however long it was away.
      if (known?.state === "resting" && offer.seed) known.restAtMost(nowMs + seedRestMsMax);
      if (known !== undefined) continue;
      this.#parents.set(offer.id, new Parent(offer, nowMs, this.#parentRows));
      this.#emit({ kind: "dial", offer });
    }
    this.#fillAll(nowMs);
  }

  /** A parent no more: it may finish what it has begun. */
  #leaveIfDone(parent: Parent, nowMs: number): void {
    if (!parent.leaving || parent.started !== undefined) return;
    this.#hangUp(parent, "the manager gave other parents", nowMs, false);
  }

  #hangUp(parent: Parent, reason: string, nowMs: number, sever: boolean): void {
    if (parent.state === "open" || parent.state === "dialling") {
      this.#emit({ kind: "hang-up", parent: parent.id, reason, sever });
    }
    this.#lose(parent, nowMs);
  }

  /** The connection is over: what stood with the parent is free, and it rests before it is dialled again. */
  #lose(parent: Parent, nowMs: number): void {
    for (const index of parent.forsake()) this.#wants.release(index, parent, this.#parents.values());
    if (parent.counts) this.#wants.rarity.removeAll(parent.has);
    parent.lost(nowMs);
    if (!parent.leaving) return;
    this.#parents.delete(parent.id);
    this.#wants.dismiss(parent);
  }

  #tick(nowMs: number): void {
    for (const parent of this.#parents.values()) {
      if (parent.state === "resting" && nowMs >= parent.restUntilMs) {
        parent.state = "dialling";
        parent.heardMs = nowMs;
        this.#emit({ kind: "dial", offer: parent.offer });
        continue;
      }
      const late = parent.cancelling.filter(({ sinceMs }) => nowMs - sinceMs > cancelMsMax);
      for (const { index } of late) this.#givenBack(parent, index, nowMs);
      const reason = lostPatience(parent, nowMs);
      if (reason !== undefined) this.#hangUp(parent, reason, nowMs, true);
    }
    this.#fillAll(nowMs);
  }

  /**
   * Peers first: a seed is asked for what they lack. Among them the soonest, else a slow one takes
   * back what it gave.
   */
  #fillAll(nowMs: number): void {
    if (this.#wants.missing === 0) return;
    const nothingOpen = this.#wants.missing <= this.#wants.inHand;
    const candidates: { readonly parent: Parent; readonly waitMs: number }[] = [];
    for (const parent of this.#parents.values()) {
      // Where everything is in somebody's hand, only an idle parent has something to do: it takes over.
      if (parent.state !== "open" || (nothingOpen && parent.owed > 0)) continue;
      candidates.push({ parent, waitMs: parent.waitMs(nowMs, guessMs) + (parent.seed ? seedWaitMs : 0) });
    }
    candidates.sort((a, b) => a.waitMs - b.waitMs);
    for (const { parent } of candidates) this.#fill(parent, nowMs);
  }

  /** What enters through this host from now on; what may not any more is asked back. */
  #admit(entry: EntryShare | undefined, nowMs: number): void {
    this.#entry = entry;
    for (const parent of this.#parents.values()) {
      for (const index of parent.admit(entry)) this.#askBack(parent, index, undefined, nowMs);
    }
  }

  /** Lets more pieces stand with the parent, up to its window; a parent with nothing to do takes over others' work. */
  #fill(parent: Parent, nowMs: number): void {
    if (parent.state !== "open" || parent.leaving) return;
    const free = this.#inboundMax - this.#wants.inHand - this.#unwritten;
    const room = Math.min(windowOf(parent, nowMs) - parent.owed, free);
    const chosen = room > 0 ? this.#choose(parent, room) : [];
    if (chosen.length > 0) this.#ask(parent, chosen, nowMs);
    // What is taken over needs no room: all of it may stand with slow parents. A slow disk is no parent's fault.
    else if (parent.owed === 0 && this.#wants.inHand > 0 && (free > 0 || this.#unwritten === 0))
      this.#takeOver(parent, nowMs);
  }

  #choose(parent: Parent, count: number): readonly number[] {
    if (!parent.across) return this.#wants.choose(parent.has, count, this.#unit);
    const lackedHere = (among: Bitfield): number[] =>
      this.#wants.choose(among, count, this.#unit).filter((index) => this.#wants.rarity.copies(index) === 0);
    const first = parent.seed ? lackedHere(onlyAtSeed(parent, this.#parents.values())) : [];
    return first.length > 0 || (parent.seed && parent.owed > 0) ? first : lackedHere(parent.has);
  }

  #ask(parent: Parent, indices: readonly number[], nowMs: number): void {
    for (const index of indices) {
      assert(!this.held.has(index), "a held piece is not asked for");
      parent.standing.push(index);
      this.#wants.hand(index, parent);
    }
    parent.asked(nowMs);
    this.#emit({ kind: "want", parent: parent.id, indices });
  }

  /** An idle parent takes over what waits longest elsewhere: it is asked back first, duplicated only when late. */
  #takeOver(idle: Parent, nowMs: number): void {
    const slowest = slowestFor(idle, this.#parents.values(), nowMs);
    if (slowest === undefined) return idle.across ? undefined : this.#duplicateLate(idle, nowMs);
    this.#askBack(slowest, idle.lastOf(slowest.standing)!, idle, nowMs);
  }

  #askBack(parent: Parent, index: number, taker: Parent | undefined, nowMs: number): void {
    parent.askBack(index, taker, nowMs);
    this.#emit({ kind: "cancel", parent: parent.id, indices: [index] });
  }

  #duplicateLate(idle: Parent, nowMs: number): void {
    const nothingOpen = this.#wants.missing <= this.#wants.inHand;
    const lateMs = Math.max(lateMsMin, lateFactor * idle.intervalMs(nowMs, guessMs));
    for (const parent of this.#parents.values()) {
      const index = parent.started;
      if (parent === idle || index === undefined || nowMs - parent.startedMs < lateMs) continue;
      if (!idle.has.has(index) || this.held.has(index) || this.#wants.holder(index) !== parent) continue;
      if (!nothingOpen && !this.#wants.isUrgent(index)) continue;
      if (this.#wants.secondOf(index, parent, this.#parents.values()) !== undefined) continue;
      this.#wants.double(index);
      this.#ask(idle, [index], nowMs);
      return;
    }
  }
}
