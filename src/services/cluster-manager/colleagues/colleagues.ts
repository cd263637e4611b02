/**
 * What a manager has from others when it comes to an object that it does not know: the other managers of
 * its cluster, what they lend, and the pieces that their swarms hold (decisions 71 and 72).
 */

import type { ManagerDirectory } from "#cluster/mod.ts";
import { managersOfTask, ownerOfTask, type ManagerEntry } from "#core/placement/mod.ts";
import type { HostCard, TaskAsk } from "#core/protocol/mod.ts";
import type { Origin } from "#origins/mod.ts";
import type { Clock } from "#platform/machine/clock.ts";
import type { Dialler } from "#platform/sockets/connection.ts";
import type { Log } from "#platform/telemetry/log.ts";
import type { Random } from "#platform/machine/random.ts";
import { keyId, type SigningKey } from "#platform/keys/signing.ts";
import type { PieceFile } from "#storage/pieces/mod.ts";
import { Limiter, ParentPool, signTicket, type SealEpochs } from "#transfer/mod.ts";
import { Borrowing, type Borrowed } from "./borrowing.ts";
import { Regain, type Holder } from "./regain.ts";
import { RegainChain } from "./regain-chain.ts";
import { Takeover, type TakenOver } from "./takeover.ts";

/** Those that were in the list once: who signed a manifest may be gone since. Of more, the newest. */
const idsMax = 4096;
/** A manager that has just started waits so long for the list of the others. */
const listWaitMs = 2_000;
/** Other managers that are asked before the origin. */
const askedMax = 2;
/** One that did not answer is not asked for so long. */
const passOverMs = 10_000;

export interface ColleaguesOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly dialler: Dialler;
  readonly key: SigningKey;
  readonly trust: boolean;
  readonly isRevoked?: (id: string) => boolean;
  readonly epochs?: SealEpochs | undefined;
  /** The cluster's managers; absent where no config service tells them. */
  readonly managers?: ManagerDirectory | undefined;
  /** This manager as a member of others' swarms. */
  readonly card: () => HostCard;
}

/** A version of a task that gets its object back. */
export interface RegainedVersion {
  readonly task: string;
  readonly ask: TaskAsk;
  readonly store: PieceFile;
  readonly swarm: { has(host: string): boolean };
  readonly filling: { bytesCame(): void; passOn(): void };
  /** Hosts that have some of it. */
  holders(): Iterable<Holder>;
  pieceStored(index: number): void;
}

export class Colleagues {
  readonly #options: ColleaguesOptions;
  readonly #pool: ParentPool;
  readonly #ids = new Map<string, true>();
  readonly #borrowing: Borrowing;
  readonly #failedMs = new Map<string, number>();
  /** Of colleagues met, by their ids. */
  readonly #keys = new Map<string, string>();
  readonly #listKnown: Promise<unknown> | undefined;

  constructor(options: ColleaguesOptions) {
    this.#options = options;
    const { clock, dialler, key, trust, managers } = options;
    const limiter = new Limiter(clock, Infinity);
    this.#pool = new ParentPool({ clock, dialler, limiter, host: key.id, ...(trust ? { key } : {}) });
    this.#borrowing = new Borrowing({
      clock,
      dialler,
      trust,
      isRevoked: (id) => options.isRevoked?.(id) === true,
      epochs: options.epochs,
      card: () => ({ ...options.card(), site: `manager-${key.id}` }),
      onKey: (publicKey) => rememberNewest(this.#keys, keyId(publicKey), publicKey),
      onFailed: ({ id }) => rememberNewest(this.#failedMs, id, clock.nowMs()),
    });
    managers?.onChange(() => this.#remember());
    this.#remember();
    this.#listKnown = managers?.whenKnown(listWaitMs);
  }

  /** Their tickets count here while this manager is in their swarms. */
  get keys(): readonly string[] {
    return [...this.#keys].filter(([id]) => this.#options.isRevoked?.(id) !== true).map(([, key]) => key);
  }

  stop(): void {
    this.#borrowing.stop();
    this.#pool.close();
  }

  /** For one task of the manager. */
  aidFor(
    task: string,
    origin: Origin,
  ): { readonly takeover: Takeover; readonly regain: (version: RegainedVersion, found: TakenOver) => RegainChain } {
    const { clock, random, log, trust, epochs } = this.#options;
    const isManager = (id: string): boolean => this.knows(id);
    return {
      takeover: new Takeover({
        clock,
        random,
        log,
        origin,
        task,
        trust,
        epochs,
        isManager,
        borrow: (ask) => this.#borrow(task, ask),
      }),
      regain: (version, first) =>
        new RegainChain({
          first,
          begin: (found) => this.#regain(task, version, found),
          next: (found) => this.#afterLoss(version, found),
        }),
    };
  }

  /** The lender is gone before all was here: its successor has it too, or this one is the successor itself. */
  async #afterLoss(version: RegainedVersion, found: TakenOver): Promise<TakenOver | undefined> {
    const { task, ask, store } = version;
    const { lender, ...kept } = found;
    const isWhole = store.have.count >= found.listed.length;
    if (lender === undefined || lender.alive || isWhole) return undefined;
    const successor = this.#ranked(task).find((manager) => !this.#hasFailed(manager));
    if (successor === undefined) return undefined;
    if (successor.id === this.#options.key.id) return kept;
    const next = await this.#borrowing.ask(successor, task, ask, false);
    if (next === undefined) return undefined;
    // A successor that knew nothing of it has it from here: two that wait for each other would wait for ever.
    const isOwn = version.swarm.has(successor.id);
    if (!isOwn && next.head.generation === found.head.generation) {
      this.#options.log.info("task.borrowed", { task, from: successor.id });
      return { ...kept, manifest: next.manifest, listed: next.pieces, lender: next };
    }
    next.leave();
    return undefined;
  }

  #regain(task: string, version: RegainedVersion, { manifest, listed, lender }: TakenOver): Regain {
    const { clock, random, log } = this.#options;
    const regain = new Regain({
      clock,
      random,
      log,
      pool: this.#pool,
      manifest,
      listed,
      store: version.store,
      ticket: () => lender?.ticket ?? this.#ticket(task),
      holders: () => (lender === undefined ? version.holders() : lender.holders()),
      onBytes: () => version.filling.bytesCame(),
      onPiece: (index) => version.pieceStored(index),
      ...(lender === undefined ? {} : { isFed: () => lender.alive, entry: () => lender.entry }),
    });
    if (lender !== undefined) {
      lender.onListed = (indices) => regain.listed(indices);
      lender.onOffered = () => regain.offered();
      lender.onFilling = () => version.filling.passOn();
    }
    return regain;
  }

  /** Those that may have it, best first: the owner, who may ask the origin; and the next, if it has it already. */
  async #borrow(task: string, ask: TaskAsk): Promise<Borrowed | undefined> {
    const { key, log } = this.#options;
    // Or it would ask the origin for what others have.
    await this.#listKnown;
    const ranked = this.#ranked(task);
    const ownRank = ranked.findIndex(({ id }) => id === key.id);
    for (const [rank, manager] of ranked.slice(0, askedMax + 1).entries()) {
      if (rank === ownRank || this.#hasFailed(manager)) continue;
      // Who is not in the list, for it does not know it yet, may be the owner itself to those who do.
      const isOwner = ownRank > 0 && rank === 0 && manager.health !== "draining";
      const borrowed = await this.#borrowing.ask(manager, task, ask, !isOwner);
      if (borrowed === undefined) continue;
      log.info("task.borrowed", { task, from: manager.id });
      return borrowed;
    }
    return undefined;
  }

  /** By their right to the task; who owns it for its own site looks at those of all sites. */
  #ranked(task: string): ManagerEntry[] {
    const managers = this.#options.managers?.current() ?? [];
    const near = managersOfTask(task, managers);
    return near[0]?.id === this.#options.key.id ? ownerOfTask(task, managers) : near;
  }

  #hasFailed({ id }: ManagerEntry): boolean {
    return this.#options.clock.nowMs() - (this.#failedMs.get(id) ?? -Infinity) < passOverMs;
  }

  /** Whether a manager of this cluster has, or had, this id. */
  knows(id: string): boolean {
    return (id === this.#options.key.id || this.#ids.has(id)) && this.#options.isRevoked?.(id) !== true;
  }

  /** Hosts that greeted this manager take its own tickets. */
  #ticket(task: string): string | undefined {
    const { trust, key, clock } = this.#options;
    return trust ? signTicket(key, task, key.id, clock.wallMs()) : undefined;
  }

  #remember(): void {
    for (const { id } of this.#options.managers?.current() ?? []) rememberNewest(this.#ids, id, true);
  }
}

function rememberNewest<Value>(all: Map<string, Value>, id: string, value: Value): void {
  all.delete(id);
  all.set(id, value);
  for (const oldest of all.keys()) {
    if (all.size <= idsMax) return;
    all.delete(oldest);
  }
}
