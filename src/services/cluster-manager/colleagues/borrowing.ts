/**
 * Asks another manager for an object, as one of its hosts: this manager becomes a member of that one's
 * swarm, hears its manifest as it grows and gets its pieces by ticket. It is a site of its own there, so
 * that it has the lender's seed and the other borrowers for parents, ahead of all hosts, and none of the
 * lender's hosts for children. One connection to each colleague, kept while something is borrowed over it.
 *
 * Invariant: an ask is answered within `answerMs`, with what the colleague has or with nothing; one that is
 * to have it already and says that it waits for its origin is waited for as long as one that is to get it.
 */

import { Bitfield } from "#base/mod.ts";
import { pieceCount } from "#core/model/mod.ts";
import type { ManagerEntry } from "#core/placement/mod.ts";
import type { EntryShare, HostCard, ManagerMessage, ManifestHead, ParentOffer, TaskAsk } from "#core/protocol/mod.ts";
import type { Clock, Timer } from "#platform/machine/clock.ts";
import type { Dialler } from "#platform/sockets/connection.ts";
import { ManagerLink, Manifest, Sealing, type SealEpochs } from "#transfer/mod.ts";
import type { Holder } from "./regain.ts";

/** A colleague that has the object says so at once; one that is to get it waits for its origin. */
const answerMs = { held: 2_000, fetched: 10_000 } as const;

export interface BorrowingOptions {
  readonly clock: Clock;
  readonly dialler: Dialler;
  readonly trust: boolean;
  readonly isRevoked: (id: string) => boolean;
  readonly epochs?: SealEpochs | undefined;
  readonly card: () => HostCard;
  /** Its tickets count from now on. */
  readonly onKey: (publicKey: string) => void;
  readonly onFailed: (manager: ManagerEntry) => void;
}

/** An object in another manager's swarm. */
export class Borrowed {
  readonly head: ManifestHead;
  readonly manifest: Manifest;
  /** All of its pieces: each is listed sooner or later. */
  readonly pieces: Bitfield;
  #parents: readonly ParentOffer[] = [];
  /** What the lender lets it ask of parents elsewhere: all, while it is alone in its site. */
  entry: EntryShare | undefined;
  /** Of that manager, for its swarm. */
  ticket: string | undefined;
  /** Of a sealed object, for whoever has the right to read it. */
  readonly sealSecret: string | undefined;
  /** That manager speaks, and has not withdrawn it. */
  alive = true;
  onListed: (indices: readonly number[]) => void = () => undefined;
  onOffered: () => void = () => undefined;
  /** Its origin is at work on a piece. */
  onFilling: () => void = () => undefined;
  readonly leave: () => void;

  constructor(head: ManifestHead, key: string | undefined, sealSecret: string | undefined, leave: () => void) {
    this.head = head;
    this.sealSecret = sealSecret;
    this.manifest = new Manifest(head, key);
    this.pieces = new Bitfield(pieceCount(head.lengthBytes ?? 0, head.pieceBytes));
    for (let index = 0; index < this.pieces.length; index++) this.pieces.set(index);
    this.leave = leave;
  }

  *holders(): Generator<Holder> {
    if (!this.alive) return;
    for (const offer of this.#parents) yield { offer, held: this.pieces };
  }

  heard(message: ManagerMessage): void {
    if (message.kind === "filling") return this.onFilling();
    if (!("generation" in message) || message.generation !== this.head.generation) return;
    if (message.kind === "parents") {
      this.#parents = message.parents;
      this.entry = message.entry;
      this.ticket = message.ticket ?? this.ticket;
      this.onOffered();
    } else if (message.kind === "withdrawn") this.alive = false;
    else if (message.kind === "listed") {
      if (this.manifest.list(message) === null) this.onListed(message.indices);
      else this.alive = false;
    }
  }
}

interface Asked {
  readonly link: ManagerLink;
  readonly task: string;
  readonly ask: TaskAsk;
  readonly heldOnly: boolean;
  timer: Timer;
  readonly askedMs: number;
  borrowed: Borrowed | undefined;
  answer(borrowed: Borrowed | undefined): void;
}

export class Borrowing {
  readonly #options: BorrowingOptions;
  readonly #links = new Map<string, ManagerLink>();
  readonly #asked = new Map<string, Asked>();

  constructor(options: BorrowingOptions) {
    this.#options = options;
  }

  /** `heldOnly`: only if it has it, or gets it already. One ask for a task at a time. */
  ask(manager: ManagerEntry, task: string, ask: TaskAsk, heldOnly: boolean): Promise<Borrowed | undefined> {
    if (this.#asked.has(task)) return Promise.resolve(undefined);
    const { clock } = this.#options;
    return new Promise((resolve) => {
      const timer = clock.after(heldOnly ? answerMs.held : answerMs.fetched, () => this.#done(task));
      const link = this.#linkTo(manager);
      const askedMs = clock.nowMs();
      const asked: Asked = { link, task, ask, heldOnly, timer, askedMs, borrowed: undefined, answer: resolve };
      this.#asked.set(task, asked);
      this.#send(asked);
    });
  }

  stop(): void {
    for (const link of this.#links.values()) link.close();
    for (const task of this.#asked.keys()) this.#done(task);
  }

  #send({ link, task, ask, heldOnly }: Asked): void {
    link.send({ kind: "ask", task, ask, ...(heldOnly ? { heldOnly } : {}) });
  }

  #linkTo(manager: ManagerEntry): ManagerLink {
    const known = this.#links.get(manager.id);
    if (known !== undefined) return known;
    const { clock, dialler, isRevoked, card, onKey, onFailed } = this.#options;
    const link = new ManagerLink({
      clock,
      dialler,
      isRevoked,
      card,
      manager,
      onWelcome: (welcomed, { publicKey }) => {
        if (publicKey !== undefined) onKey(publicKey);
        for (const asked of this.#asked.values()) if (asked.link === welcomed) this.#send(asked);
      },
      onMessage: (from, message) => this.#heard(from, message),
      onLost: (lost) => {
        this.#links.delete(manager.id);
        onFailed(manager);
        for (const asked of this.#asked.values()) if (asked.link === lost) this.#done(asked.task);
      },
    });
    this.#links.set(manager.id, link);
    return link;
  }

  #heard(link: ManagerLink, message: ManagerMessage): void {
    const task = message.kind === "head" ? message.head.task : "task" in message ? message.task : "";
    const asked = this.#asked.get(task);
    if (asked === undefined || asked.link !== link) return;
    if (message.kind === "failed") return this.#done(task);
    if (message.kind === "filling" && asked.borrowed === undefined) return this.#waitForOrigin(asked);
    if (message.kind !== "head") return asked.borrowed?.heard(message);
    const { validator, lengthBytes, seal } = message.head;
    // Without these nobody could go on alone should the colleague be lost.
    const opens =
      seal === undefined || new Sealing(task, { epochs: this.#options.epochs }).take(message.sealSecret, seal);
    const usable = validator !== undefined && lengthBytes !== undefined && opens;
    if (!usable || asked.borrowed !== undefined) return this.#done(task);
    asked.timer.cancel();
    const key = this.#options.trust ? link.managerKey : undefined;
    asked.borrowed = new Borrowed(message.head, key, message.sealSecret, () => this.#done(task));
    asked.borrowed.ticket = message.ticket;
    asked.answer(asked.borrowed);
  }

  #waitForOrigin(asked: Asked): void {
    const { clock } = this.#options;
    asked.timer.cancel();
    const leftMs = answerMs.fetched - (clock.nowMs() - asked.askedMs);
    asked.timer = clock.after(Math.max(0, leftMs), () => this.#done(asked.task));
  }

  /** Nothing more is wanted of it, or to be had. */
  #done(task: string): void {
    const asked = this.#asked.get(task);
    if (asked === undefined) return;
    this.#asked.delete(task);
    asked.timer.cancel();
    const { borrowed, link } = asked;
    if (borrowed !== undefined) borrowed.alive = false;
    asked.answer(undefined);
    link.send({ kind: "leave", task, generation: borrowed?.head.generation ?? "" });
    const needed = [...this.#asked.values()].some((other) => other.link === link);
    if (needed || this.#links.get(link.manager.id) !== link) return;
    this.#links.delete(link.manager.id);
    link.close();
  }
}
