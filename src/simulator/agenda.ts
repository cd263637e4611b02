/**
 * Virtual time: what happens when. Events wait in a ring of buckets, one per step of time, and those
 * further away in coarse bins that are spread over the ring when their time comes near; so putting and
 * taking an event costs the same whatever their number. Events of one step happen in the order in
 * which they were put, which makes a run the same each time.
 *
 * The ring has room for two bins: that of now and the next. A bin is spread before anything is put
 * into its buckets, so that what was put early stays ahead.
 */

import { assert } from "#base/mod.ts";

/** Something that events happen to. `code` says what happens; each class of actors has its own codes. */
export interface Actor {
  on(code: number, argument: unknown): void;
}

const binSlots = 1 << 14;
const ringSize = 2 * binSlots;

export class Agenda {
  /** One step of time: two events closer than this may happen in the order they were put. */
  readonly stepMs: number;
  nowMs = 0;
  /** Events that happened. */
  happened = 0;
  #slot = 0;
  /** The first slot beyond the ring. */
  #ringEnd = ringSize;
  /** Events of one step, flat: actor, code, argument. */
  readonly #ring: unknown[][] = Array.from({ length: ringSize }, () => []);
  /** Bin number -> events flat: slot, actor, code, argument. */
  readonly #bins = new Map<number, unknown[]>();
  #waiting = 0;

  constructor(stepMs: number) {
    this.stepMs = stepMs;
  }

  /** Lets `code` happen to the actor after `delayMs` milliseconds, rounded up to the next step. */
  after(delayMs: number, actor: Actor, code: number, argument?: unknown): void {
    assert(delayMs >= 0, "nothing happens in the past");
    const slot = Math.max(this.#slot, Math.ceil((this.nowMs + delayMs) / this.stepMs - 1e-6));
    this.#waiting++;
    if (slot < this.#ringEnd) {
      this.#ring[slot % ringSize]!.push(actor, code, argument);
      return;
    }
    const bin = Math.floor(slot / binSlots);
    const events = this.#bins.get(bin);
    if (events === undefined) this.#bins.set(bin, [slot, actor, code, argument]);
    else events.push(slot, actor, code, argument);
  }

  /** Lets time pass until `untilMs`, until `isOver` says so, or until nothing is left to happen. */
  run(untilMs: number, isOver: () => boolean): void {
    while (this.#waiting > 0 && !isOver()) {
      const nowMs = this.#slot * this.stepMs;
      if (nowMs > untilMs) return;
      this.nowMs = Math.max(nowMs, this.nowMs);
      this.#runSlot(this.#ring[this.#slot % ringSize]!);
      this.#slot++;
      if (this.#slot % binSlots === 0) this.#spread();
    }
  }

  #runSlot(events: unknown[]): void {
    for (let at = 0; at < events.length; at += 3) {
      (events[at] as Actor).on(events[at + 1] as number, events[at + 2]);
      this.happened++;
      this.#waiting--;
    }
    events.length = 0;
  }

  /** A bin is over: the one after the next finds room in the ring. */
  #spread(): void {
    const bin = this.#ringEnd / binSlots;
    this.#ringEnd += binSlots;
    const events = this.#bins.get(bin);
    if (events === undefined) return;
    this.#bins.delete(bin);
    for (let at = 0; at < events.length; at += 4) {
      this.#ring[(events[at] as number) % ringSize]!.push(events[at + 1], events[at + 2], events[at + 3]);
    }
  }
}
