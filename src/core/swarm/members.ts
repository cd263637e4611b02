/** The hosts of one swarm as their manager knows them: what each holds, how fast it is, whom it feeds. */

import type { Bitfield } from "#base/mod.ts";
import type { HostCard } from "#core/protocol/mod.ts";

export class Member {
  readonly card: HostCard;
  held: Bitfield;
  seeding = false;
  /** The manager's own seeds are among its parents. */
  seeded = false;
  /** Hosts that were given this one as a parent. */
  readonly children = new Set<Member>();
  readonly parents = new Set<Member>();
  renewedMs = -Infinity;
  upBytesPerSecond = 0;
  downBytesPerSecond = 0;
  /** When it had everything; undefined while it has not. */
  finishedMs: number | undefined;
  /** Hosts that accused this one of wrong bytes. */
  readonly accusers: Set<string>;
  /** Where it stands among the members; -1 when it is gone. */
  place = -1;

  readonly joinedMs: number;

  constructor(card: HostCard, held: Bitfield, joinedMs: number, accusers = new Set<string>()) {
    this.card = card;
    this.held = held;
    this.joinedMs = joinedMs;
    this.accusers = accusers;
  }
}

/** The members by name, and by number so that a few can be drawn from many. */
export class Members {
  readonly #byId = new Map<string, Member>();
  readonly #row: Member[] = [];

  get size(): number {
    return this.#row.length;
  }

  get all(): readonly Member[] {
    return this.#row;
  }

  get(id: string): Member | undefined {
    return this.#byId.get(id);
  }

  add(member: Member): void {
    this.#byId.set(member.card.id, member);
    member.place = this.#row.push(member) - 1;
  }

  remove(member: Member): void {
    this.#byId.delete(member.card.id);
    const last = this.#row.pop();
    if (last !== undefined && last !== member) {
      this.#row[member.place] = last;
      last.place = member.place;
    }
    member.place = -1;
  }

  /** About `count` different members, at random; all of them when there are no more. `unit` gives [0, 1). */
  draw(count: number, unit: () => number): readonly Member[] {
    if (this.#row.length <= count) return this.#row;
    const drawn = new Set<Member>();
    for (let tries = 0; tries < count; tries++) drawn.add(this.#row[Math.floor(unit() * this.#row.length)]!);
    return [...drawn];
  }
}
