/**
 * One child's connection to one parent. What is said arrives after the latency and some jitter, in the
 * order in which it was said; a silent wire swallows everything, a closed one tells both ends.
 */

import type { Bitfield } from "#base/mod.ts";
import type { Child, Want } from "#core/swarm/mod.ts";
import type { Actor, Agenda } from "./agenda.ts";
import type { Host } from "./host.ts";
import type { Sender } from "./sender.ts";
import type { Chance } from "./random.ts";

const toChild = { opened: 0, have: 1, cancelled: 2, started: 3, piece: 4, closed: 5 } as const;
const toParent = { open: 10, want: 11, cancel: 12, close: 13 } as const;

export class Wire implements Actor {
  readonly child: Host;
  readonly parent: Sender;
  readonly #agenda: Agenda;
  readonly #chance: Chance;
  readonly #latencyMs: number;
  readonly #jitterMs: number;
  /** The child's end is in use. */
  open = true;
  silent = false;
  /** The child in its parent's queue, and what is on its way to it; the parent's. */
  queued: Child<Wire> | undefined;
  sending: Want<Wire> | undefined;
  #lastToChildMs = 0;
  #lastToParentMs = 0;

  constructor(agenda: Agenda, chance: Chance, child: Host, parent: Sender, latencyMs: number, jitterMs: number) {
    this.#agenda = agenda;
    this.#chance = chance;
    this.child = child;
    this.parent = parent;
    this.#latencyMs = latencyMs;
    this.#jitterMs = jitterMs;
  }

  /** TCP's handshake and the opening of the task: two ways to the parent and one back. */
  dial(): void {
    this.#say(2 * this.#latencyMs, toParent.open);
  }

  want(indices: readonly number[]): void {
    this.#say(0, toParent.want, indices);
  }

  cancel(indices: readonly number[]): void {
    this.#say(0, toParent.cancel, indices);
  }

  /** The child leaves. */
  leave(): void {
    this.open = false;
    this.#say(0, toParent.close);
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
  piece(index: number): void {
    this.#tell(toChild.piece, index);
  }

  /** The parent ends it, or the network does. */
  closed(): void {
    this.#tell(toChild.closed);
  }

  #say(delayMs: number, code: number, argument?: unknown): void {
    this.#lastToParentMs = Math.max(this.#lastToParentMs, this.#agenda.nowMs + delayMs + this.#oneWayMs());
    this.#agenda.after(this.#lastToParentMs - this.#agenda.nowMs, this, code, argument);
  }

  #tell(code: number, argument?: unknown): void {
    this.#lastToChildMs = Math.max(this.#lastToChildMs, this.#agenda.nowMs + this.#oneWayMs());
    this.#agenda.after(this.#lastToChildMs - this.#agenda.nowMs, this, code, argument);
  }

  #oneWayMs(): number {
    return this.#latencyMs + (this.#jitterMs > 0 ? this.#chance.unit() * this.#jitterMs : 0);
  }

  on(code: number, argument: unknown): void {
    if (this.silent && code !== toParent.close && code !== toChild.closed) return;
    if (code >= toParent.open) this.#atParent(code, argument);
    else if (this.open) this.#atChild(code, argument);
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
        return parent.left(this);
    }
  }

  #atChild(code: number, argument: unknown): void {
    const { child, parent } = this;
    switch (code) {
      case toChild.opened:
        return child.step({ kind: "opened", parent: parent.id, pieces: argument as Bitfield });
      case toChild.have:
        return child.step({ kind: "had", parent: parent.id, indices: argument as readonly number[] });
      case toChild.cancelled:
        return child.step({ kind: "cancelled", parent: parent.id, indices: argument as readonly number[] });
      case toChild.started:
        return child.step({ kind: "started", parent: parent.id, index: argument as number });
      case toChild.piece:
        return child.arrived(this, argument as number);
      case toChild.closed:
        return child.lost(this);
    }
  }
}
