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
const nobody = -1;

/** Where events lie until they happen: two rows, so that all of an event is in two places of the memory. */
class Places {
  /** Actor, argument. */
  readonly #objects: unknown[] = [];
  /** Code, and the place after it in its step or among the free ones. */
  #numbers = new Int32Array(1 << 12);
  #used = 0;
  #free = nobody;

  take(actor: Actor, code: number, argument: unknown): number {
    let place = this.#free;
    if (place === nobody) place = this.#add();
    else this.#free = this.next(place);
    this.#objects[2 * place] = actor;
    this.#objects[2 * place + 1] = argument;
    this.#numbers[2 * place] = code;
    this.#numbers[2 * place + 1] = nobody;
    return place;
  }

  #add(): number {
    if (2 * this.#used === this.#numbers.length) {
      const larger = new Int32Array(2 * this.#numbers.length);
      larger.set(this.#numbers);
      this.#numbers = larger;
    }
    return this.#used++;
  }

  actor(place: number): Actor {
    return this.#objects[2 * place] as Actor;
  }

  argument(place: number): unknown {
    return this.#objects[2 * place + 1];
  }

  code(place: number): number {
    return this.#numbers[2 * place]!;
  }

  next(place: number): number {
    return this.#numbers[2 * place + 1]!;
  }

  setNext(place: number, next: number): void {
    this.#numbers[2 * place + 1] = next;
  }

  free(place: number): void {
    this.#objects[2 * place] = undefined;
    this.#objects[2 * place + 1] = undefined;
    this.setNext(place, this.#free);
    this.#free = place;
  }
}

export class Agenda {
  /** One step of time: two events closer than this may happen in the order they were put. */
  readonly stepMs: number;
  nowMs = 0;
  /** Events that happened. */
  happened = 0;
  #slot = 0;
  /** The first slot beyond the ring. */
  #ringEnd = ringSize;
  /** Each step's first and last event, by place; `nobody` where there is none. */
  readonly #first = new Int32Array(ringSize).fill(nobody);
  readonly #last = new Int32Array(ringSize).fill(nobody);
  /** Places for events, each used again as soon as its event has happened: what is used last is still at hand. */
  readonly #places = new Places();
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
    if (slot < this.#ringEnd) return this.#put(slot % ringSize, actor, code, argument);
    const bin = Math.floor(slot / binSlots);
    const events = this.#bins.get(bin);
    if (events === undefined) this.#bins.set(bin, [slot, actor, code, argument]);
    else events.push(slot, actor, code, argument);
  }

  #put(slot: number, actor: Actor, code: number, argument: unknown): void {
    const place = this.#places.take(actor, code, argument);
    const last = this.#last[slot]!;
    if (last === nobody) this.#first[slot] = place;
    else this.#places.setNext(last, place);
    this.#last[slot] = place;
  }

  /** Lets time pass until `untilMs`, until `isOver` says so, or until nothing is left to happen. */
  run(untilMs: number, isOver: () => boolean): void {
    while (this.#waiting > 0 && !isOver()) {
      const nowMs = this.#slot * this.stepMs;
      if (nowMs > untilMs) return;
      this.nowMs = Math.max(nowMs, this.nowMs);
      this.#runSlot(this.#slot % ringSize);
      this.#slot++;
      if (this.#slot % binSlots === 0) this.#spread();
    }
  }

  #runSlot(slot: number): void {
    for (let place = this.#first[slot]!; place !== nobody; place = this.#first[slot]!) {
      const actor = this.#places.actor(place);
      const argument = this.#places.argument(place);
      const code = this.#places.code(place);
      const next = this.#places.next(place);
      this.#first[slot] = next;
      if (next === nobody) this.#last[slot] = nobody;
      this.#places.free(place);
      this.happened++;
      this.#waiting--;
      actor.on(code, argument);
    }
  }

  /** A bin is over: the one after the next finds room in the ring. */
  #spread(): void {
    const bin = this.#ringEnd / binSlots;
    this.#ringEnd += binSlots;
    const events = this.#bins.get(bin);
    if (events === undefined) return;
    this.#bins.delete(bin);
    for (let at = 0; at < events.length; at += 4) {
      this.#put((events[at] as number) % ringSize, events[at + 1] as Actor, events[at + 2] as number, events[at + 3]);
    }
  }
}
