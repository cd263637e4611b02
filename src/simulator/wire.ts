/**
 * One child's connection to one parent. What is said arrives after the latency and some jitter, in the
 * order in which it was said. A connection that falls silent delivers late, when it is heard again
 * (TCP sends again what was lost), or never; a broken one tells both ends.
 */

import type { Bitfield, Rows } from "#base/mod.ts";
import type { Child, Want } from "#core/swarm/mod.ts";
import type { Actor, Agenda } from "./agenda.ts";
import type { Host } from "./host.ts";
import type { Network } from "./network.ts";
import type { Sender } from "./sender.ts";

const toChild = { opened: 0, have: 1, cancelled: 2, started: 3, piece: 4, closed: 5 } as const;
const toParent = { open: 10, want: 11, cancel: 12, close: 13, sever: 14 } as const;
const unansweredCode = 20;
const heardAgainCode = 21;
const readOnCode = 22;
/** Within this, it is time: the agenda's steps are counted with fractions. */
const nearlyMs = 1e-3;
/** Who dials waits this long for an answer. */
const dialMsMax = 5_000;
/** A wire's row: times of the connection, and how far the piece on its way is. */
const rowOf = {
  silentUntilMs: 0,
  readFromMs: 1,
  takenMs: 2,
  toldMs: 3,
  lastToChildMs: 4,
  lastToParentMs: 5,
  outAtBytes: 6,
  throughAtBytes: 7,
} as const;
export const wireRowNumbers = 8;

/** What each message touches stands first, for a connection takes three lines of the processor's cache. */
export class Wire implements Actor {
  readonly child: Host;
  readonly parent: Sender;
  readonly #rows: Rows;
  readonly #row: number;
  readonly #agenda: Agenda;
  /** The child in its parent's queue, and what is on its way to it; the parent's. */
  queued: Child<Wire> | undefined;
  sending: Want<Wire> | undefined;
  /** The child's end is in use. */
  open = true;
  /** What came while the child checked a piece, in its order: code, argument. */
  #unread: unknown[] = [];
  /** Of the piece on its way: its length, whether it is out of the uplink, whether it is on the lines between sites. */
  bytes = 0;
  isOut = false;
  crossing = false;
  /** What the parent says when the piece on its way is through: nothing comes between its bytes. */
  owesNews = false;
  owesCancelled: number[] | undefined;
  /** Its pieces go to another site, or to a manager that helps. */
  readonly across: boolean;
  readonly #network: Network;
  readonly #parentId: string;
  #dialledMs = 0;

  constructor(agenda: Agenda, network: Network, child: Host, parent: Sender, across: boolean) {
    this.child = child;
    this.parent = parent;
    this.#rows = network.wires;
    this.#row = this.#rows.take();
    this.#agenda = agenda;
    this.queued = undefined;
    this.sending = undefined;
    this.across = across;
    this.#network = network;
    this.#parentId = parent.id;
    this.#rows.numbers[this.#row + rowOf.toldMs] = -1;
  }

  /** Nothing comes through before; Infinity: never again. */
  get silentUntilMs(): number {
    return this.#rows.numbers[this.#row + rowOf.silentUntilMs]!;
  }

  /** The child reads on from then: until then it checks a piece of this connection. */
  get readFromMs(): number {
    return this.#rows.numbers[this.#row + rowOf.readFromMs]!;
  }

  set readFromMs(atMs: number) {
    this.#rows.numbers[this.#row + rowOf.readFromMs] = atMs;
  }

  /** When the child was last seen to take bytes of it. */
  get takenMs(): number {
    return this.#rows.numbers[this.#row + rowOf.takenMs]!;
  }

  set takenMs(atMs: number) {
    this.#rows.numbers[this.#row + rowOf.takenMs] = atMs;
  }

  /** The share of the uplink, in bytes, at which the piece is out; while it is held, what is left of it. */
  get outAtBytes(): number {
    return this.#rows.numbers[this.#row + rowOf.outAtBytes]!;
  }

  set outAtBytes(bytes: number) {
    this.#rows.numbers[this.#row + rowOf.outAtBytes] = bytes;
  }

  /** What the downlink could have taken when the piece began, and once it is out: when it will be whole. */
  get throughAtBytes(): number {
    return this.#rows.numbers[this.#row + rowOf.throughAtBytes]!;
  }

  set throughAtBytes(bytes: number) {
    this.#rows.numbers[this.#row + rowOf.throughAtBytes] = bytes;
  }

  get silent(): boolean {
    return this.silentUntilMs > this.#agenda.nowMs + nearlyMs;
  }

  /** A piece of it is on its way to another site. */
  get carries(): boolean {
    return this.across && this.sending !== undefined;
  }

  /** TCP's handshake and the opening of the task: two ways to the parent and one back. */
  dial(): void {
    const { nowMs } = this.#agenda;
    this.#dialledMs = nowMs;
    const silentUntilMs = this.#network.partedUntilMs(this.child.place, this.parent.place, nowMs);
    this.#rows.numbers[this.#row + rowOf.silentUntilMs] = silentUntilMs;
    if (silentUntilMs > nowMs + dialMsMax) this.#agenda.after(dialMsMax, this, unansweredCode);
    else this.#say(2 * this.#network.latencyMs(this.child.place, this.parent.place), toParent.open);
  }

  want(indices: readonly number[]): void {
    this.#say(0, toParent.want, indices);
  }

  cancel(indices: readonly number[]): void {
    this.#say(0, toParent.cancel, indices);
  }

  /** The child leaves the task; a piece on its way still comes, for nothing, unless the connection is severed. */
  leave(sever: boolean): void {
    this.open = false;
    this.#say(0, sever ? toParent.sever : toParent.close);
  }

  opened(pieces: Bitfield): void {
    this.#tell(toChild.opened, pieces);
  }

  have(indices: readonly number[]): void {
    this.#tell(toChild.have, indices);
  }

  cancelled(indices: readonly number[]): void {
    this.#tell(toChild.cancelled, indices);
  }

  started(index: number): void {
    this.#tell(toChild.started, index);
  }

  /** The piece's last byte is at the child's line; it arrives after the latency. */
  piece(index: number, isRight: boolean): void {
    this.#tell(toChild.piece, isRight ? index : ~index);
  }

  /** The parent ends it, or the network does. */
  closed(): void {
    this.#tell(toChild.closed);
  }

  /** Both ends hear that the connection is broken, as soon as they hear anything. */
  break(): void {
    this.closed();
    this.#say(0, toParent.sever);
  }

  /** Nothing comes through until then. */
  fallSilent(untilMs: number): void {
    if (untilMs <= this.silentUntilMs) return;
    this.#rows.numbers[this.#row + rowOf.silentUntilMs] = untilMs;
    this.parent.hold(this);
    if (untilMs < Infinity) this.#agenda.after(untilMs - this.#agenda.nowMs, this, heardAgainCode);
  }

  /** The parent's machine is gone, or the call finds it standing still: the child waits for an answer in vain. */
  unanswered(): void {
    const waitedMs = this.#agenda.nowMs - this.#dialledMs;
    this.#agenda.after(Math.max(0, dialMsMax - waitedMs), this, unansweredCode);
  }

  #say(delayMs: number, code: number, argument?: unknown): void {
    const { nowMs } = this.#agenda;
    const { numbers } = this.#rows;
    const silentUntilMs = numbers[this.#row + rowOf.silentUntilMs]!;
    if (silentUntilMs === Infinity) return;
    const arrivesMs = Math.max(nowMs, silentUntilMs) + delayMs + this.#oneWayMs();
    const inOrderMs = Math.max(numbers[this.#row + rowOf.lastToParentMs]!, arrivesMs);
    numbers[this.#row + rowOf.lastToParentMs] = inOrderMs;
    this.#agenda.after(inOrderMs - nowMs, this, code, argument);
  }

  /** What is said at one instant goes in one segment, as the product sends it: it arrives at one instant. */
  #tell(code: number, argument?: unknown): void {
    const { nowMs } = this.#agenda;
    const { numbers } = this.#rows;
    const silentUntilMs = numbers[this.#row + rowOf.silentUntilMs]!;
    if (silentUntilMs === Infinity) return;
    if (numbers[this.#row + rowOf.toldMs] !== nowMs || silentUntilMs > nowMs) {
      const arrivesMs = Math.max(nowMs, silentUntilMs) + this.#oneWayMs();
      numbers[this.#row + rowOf.lastToChildMs] = Math.max(numbers[this.#row + rowOf.lastToChildMs]!, arrivesMs);
      numbers[this.#row + rowOf.toldMs] = nowMs;
    }
    this.#agenda.after(numbers[this.#row + rowOf.lastToChildMs]! - nowMs, this, code, argument);
  }

  #oneWayMs(): number {
    return this.#network.oneWayMs(this.child.place, this.parent.place);
  }

  on(code: number, argument: unknown): void {
    if (code >= unansweredCode) return this.#atNeither(code);
    // It was on its way when the silence began.
    if (this.silent) this.#delayed(code, argument);
    else if (code >= toParent.open) {
      if (!this.parent.paused) return this.#atParent(code, argument);
      this.parent.later(this, code, argument);
      if (code === toParent.open) this.unanswered();
    } else if (this.#unread.length > 0 || this.#reads) {
      this.#unread.push(code, argument);
      if (this.#unread.length === 2) this.#agenda.after(this.readFromMs - this.#agenda.nowMs, this, readOnCode);
    } else this.#read(code, argument);
  }

  /** The child checks a piece of this connection. */
  get #reads(): boolean {
    return this.readFromMs > this.#agenda.nowMs + nearlyMs;
  }

  #read(code: number, argument: unknown): void {
    if (this.child.paused) this.child.later(this, code, argument);
    else if (this.open) this.#atChild(code, argument);
    else if (code === toChild.piece) this.child.receivedPieces++;
  }

  #readOn(): void {
    const unread = this.#unread;
    this.#unread = [];
    for (let at = 0; at < unread.length; at += 2) {
      if (!this.#reads) {
        this.#read(unread[at] as number, unread[at + 1]);
        continue;
      }
      this.#unread = unread.slice(at);
      return this.#agenda.after(this.readFromMs - this.#agenda.nowMs, this, readOnCode);
    }
  }

  #delayed(code: number, argument: unknown): void {
    if (code === toParent.open) this.unanswered();
    if (this.silentUntilMs === Infinity) return;
    this.#agenda.after(this.silentUntilMs - this.#agenda.nowMs, this, code, argument);
  }

  #atNeither(code: number): void {
    if (code === readOnCode) this.#readOn();
    else if (code === heardAgainCode) {
      if (!this.silent) this.parent.release(this);
    } else if (this.child.paused) this.child.later(this, code, undefined);
    else if (this.open && this.queued === undefined) {
      this.child.connectionLost(this);
      // Should the parent find the call after all, nobody is there.
      this.#say(0, toParent.sever);
    }
  }

  #atParent(code: number, argument: unknown): void {
    const { parent } = this;
    switch (code) {
      case toParent.open:
        return parent.accept(this);
      case toParent.want:
        return parent.wanted(this, argument as readonly number[]);
      case toParent.cancel:
        return parent.cancel(this, argument as readonly number[]);
      case toParent.close:
        return parent.left(this, false);
      case toParent.sever:
        return parent.left(this, true);
    }
  }

  #atChild(code: number, argument: unknown): void {
    const { child } = this;
    const parent = this.#parentId;
    switch (code) {
      case toChild.opened:
        return child.step({ kind: "opened", parent, pieces: argument as Bitfield });
      case toChild.have:
        return child.step({ kind: "had", parent, indices: argument as readonly number[] });
      case toChild.cancelled:
        return child.step({ kind: "cancelled", parent, indices: argument as readonly number[] });
      case toChild.started:
        return child.step({ kind: "started", parent, index: argument as number });
      case toChild.piece:
        return child.arrived(this, argument as number);
      case toChild.closed:
        return child.connectionLost(this);
    }
  }
}
