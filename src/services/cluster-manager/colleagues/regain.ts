/**
 * Gets from a swarm the pieces of a manifest that it holds, into the manager's store, as any host does:
 * by ticket, piece by piece, each checked. What nobody has is left to the origin.
 *
 * Invariant: it ends: when every listed piece is here, when nobody holds those that are not, when
 * nothing came for `stallMs`, or when it is stopped.
 */

import type { Bitfield } from "#base/mod.ts";
import type { EntryShare, ParentOffer } from "#core/protocol/mod.ts";
import type { Clock, Timer } from "#platform/machine/clock.ts";
import type { Log } from "#platform/telemetry/log.ts";
import type { Random } from "#platform/machine/random.ts";
import type { PieceFile } from "#storage/pieces/mod.ts";
import { Limiter, SwarmTransfer, type Manifest, type ParentPool } from "#transfer/mod.ts";

const lookEveryMs = 250;
/** Hosts come back one after the other: a piece is lost when nobody has told of it for so long. */
const lostAfterMs = 1_500;
const stallMs = 5_000;
/** As many as a lender offers: its seed, and of each way two others. */
const parentsMax = 17;

/** A host of the swarm and what it says that it holds. */
export interface Holder {
  readonly offer: ParentOffer;
  readonly held: Bitfield;
}

export interface RegainOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly pool: ParentPool;
  readonly manifest: Manifest;
  readonly listed: Bitfield;
  readonly store: PieceFile;
  readonly ticket: () => string | undefined;
  readonly holders: () => Iterable<Holder>;
  /** What may be asked of holders in other sites. */
  readonly entry?: () => EntryShare | undefined;
  /** Another manager feeds it: a pause is no end. */
  readonly isFed?: () => boolean;
  /** Some of a piece came. */
  onBytes(): void;
  onPiece(index: number): void;
}

export class Regain {
  /** Resolves at its end; never rejects. */
  readonly ended: Promise<void>;
  readonly #options: RegainOptions;
  readonly #transfer: SwarmTransfer;
  readonly #startedMs: number;
  #end: () => void = () => undefined;
  #timer: Timer | undefined;
  #parents: ReadonlySet<string> = new Set();
  #ways: number | undefined;
  #over = false;

  constructor(options: RegainOptions) {
    this.#options = options;
    const { clock, random, log, pool, manifest, store, ticket } = options;
    this.#startedMs = clock.nowMs();
    this.ended = new Promise((resolve) => (this.#end = resolve));
    this.#transfer = new SwarmTransfer({
      clock,
      random,
      log,
      pool,
      manifest,
      store,
      ticket,
      limiter: new Limiter(clock, Infinity),
      onBytes: () => options.onBytes(),
      onStored: (index) => {
        options.onPiece(index);
        if (this.#missing().next().done === true) this.stop();
      },
      onAccuse: (parent, piece) => log.warn("peer.wrong-bytes", { task: manifest.head.task, parent, piece }),
      onFinished: () => this.stop(),
      onFailed: (error) => {
        log.warn("takeover.store-failed", { task: manifest.head.task, message: String(error) });
        this.stop();
      },
    });
    this.listed([...options.listed.indices()].filter((index) => manifest.digestOf(index) !== undefined));
    this.#look();
  }

  /** The manifest has grown. */
  listed(indices: readonly number[]): void {
    this.#transfer.listed(indices);
  }

  /** There are other holders, or there is something else to ask of them. */
  offered(): void {
    if (this.#over) return;
    this.#timer?.cancel();
    this.#look();
  }

  stop(): void {
    this.#over = true;
    this.#timer?.cancel();
    this.#transfer.stop();
    this.#end();
  }

  #giveUp(missing: number, reason: string): void {
    const { log, manifest, listed } = this.#options;
    log.info("takeover.pieces-lost", { task: manifest.head.task, listed: listed.count, missing, reason });
    this.stop();
  }

  *#missing(): Generator<number> {
    const { listed, store } = this.#options;
    for (const index of listed.indices()) if (!store.have.has(index)) yield index;
  }

  #look(): void {
    const { clock, holders } = this.#options;
    const missing = [...this.#missing()];
    const useful = [...holders()].filter(({ held }) => missing.some((index) => held.has(index)));
    const nowMs = clock.nowMs();
    const nobodyHasIt = useful.length === 0 && nowMs - this.#startedMs > lostAfterMs;
    const stalled = nowMs - Math.max(this.#transfer.lastProgressMs, this.#startedMs) > stallMs;
    if (missing.length === 0) return this.stop();
    if ((nobodyHasIt || stalled) && this.#options.isFed?.() !== true)
      return this.#giveUp(missing.length, stalled ? "nothing came" : "nobody holds them");
    this.#offer(useful.map(({ offer }) => offer));
    this.#timer = clock.after(lookEveryMs, () => this.#look());
  }

  /** Keeps those that are parents already, and fills up with others. */
  #offer(useful: readonly ParentOffer[]): void {
    const { random } = this.#options;
    const kept = useful.filter(({ id }) => this.#parents.has(id));
    const others = useful.filter(({ id }) => !this.#parents.has(id));
    const chosen = kept.slice(0, parentsMax);
    while (chosen.length < parentsMax && others.length > 0) {
      chosen.push(...others.splice(Math.floor(random.unit() * others.length), 1));
    }
    const ways = this.#options.entry?.()?.mine.length;
    const isSame = chosen.length === kept.length && kept.length === this.#parents.size;
    if (isSame && ways === this.#ways) return;
    this.#ways = ways;
    this.#parents = new Set(chosen.map(({ id }) => id));
    this.#transfer.parents(chosen, this.#options.entry?.());
  }
}
