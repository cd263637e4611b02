/** The hosts of one swarm as their manager knows them: what each holds, how fast it is, whom it feeds. */

import { assert, type Bitfield } from "#base/mod.ts";
import type { HostCard, ParentOffer } from "#core/protocol/mod.ts";
import { LearnedLine, loadOf } from "./lines.ts";

/** With 8 candidates mixed in progress the rules reach 1.01-1.03 of the discrete bound; 16 gain 1 % more. */
export const parentsWanted = 8;
/** Newcomers are added to a host's parents up to this many, and others to those of a host that is behind. */
export const parentsMax = 12;
export const childrenMax = 10;

export class Member {
  readonly card: HostCard;
  held: Bitfield;
  seeding = false;
  /** The manager's own seeds are among its parents. */
  seeded = false;
  /** It has left. */
  gone = false;
  /** Hosts that were given this one as a parent. */
  readonly children = new Set<Member>();
  readonly parents = new Set<Member>();
  renewedMs = -Infinity;
  upBytesPerSecond = 0;
  downBytesPerSecond = 0;
  /** What came to it from other sites. */
  crossedBytes = 0;
  readonly line = new LearnedLine();
  /** When it had everything; undefined while it has not. */
  finishedMs: number | undefined;
  /** Hosts that accused this one of wrong bytes. */
  readonly accusers: Set<string>;
  readonly joinedMs: number;
  /** When it last told what it holds: `held` is of then. */
  #toldMs: number;
  readonly #heldAtFirst: number;

  constructor(card: HostCard, held: Bitfield, joinedMs: number, accusers = new Set<string>()) {
    this.card = card;
    this.held = held;
    this.joinedMs = joinedMs;
    this.#toldMs = joinedMs;
    this.#heldAtFirst = held.count;
    this.accusers = accusers;
  }

  get toldMs(): number {
    return this.#toldMs;
  }

  /** It tells what came since it told last. */
  tells(news: readonly number[], nowMs: number): void {
    const before = this.held.count;
    for (const index of news) {
      this.held.grow(index + 1);
      this.held.set(index);
    }
    this.line.learn(this.held.count - before, nowMs - this.#toldMs);
    this.#toldMs = nowMs;
  }

  /** Pieces that came since it joined. */
  get came(): number {
    return this.held.count - this.#heldAtFirst;
  }
}

/** Members by name, and by number so that a few can be drawn from many. */
export class Members {
  readonly #byId = new Map<string, Member>();
  readonly #row: Member[] = [];
  readonly #places = new Map<Member, number>();

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
    this.#places.set(member, this.#row.push(member) - 1);
  }

  remove(member: Member): void {
    const place = this.#places.get(member);
    if (place === undefined) return;
    this.#byId.delete(member.card.id);
    this.#places.delete(member);
    const last = this.#row.pop();
    if (last === undefined || last === member) return;
    this.#row[place] = last;
    this.#places.set(last, place);
  }

  /** About `count` different members, at random; all of them when there are no more. `unit` gives [0, 1). */
  draw(count: number, unit: () => number): readonly Member[] {
    if (this.#row.length <= count) return this.#row;
    const drawn = new Set<Member>();
    for (let tries = 0; tries < count; tries++) drawn.add(this.#row[Math.floor(unit() * this.#row.length)]!);
    return [...drawn];
  }
}

export function link(child: Member, parent: Member): void {
  child.parents.add(parent);
  parent.children.add(child);
}

export function unlink(child: Member, parent: Member): void {
  child.parents.delete(parent);
  parent.children.delete(child);
}

export function toOffer({ id, address, port }: HostCard): ParentOffer {
  return { id, address, port, seed: false };
}

/** What a host gets of its parents' uplinks when each shares its own among its children. */
export function fedBy(parents: ReadonlySet<Member>): number {
  let fed = 0;
  for (const parent of parents) fed += 1 / loadOf(parent);
  return fed;
}

/** Whose line its children load most. */
export function busiestOf(members: ReadonlySet<Member>): Member {
  let busiest: Member | undefined;
  let most = -1;
  for (const member of members) {
    const load = loadOf(member);
    if (load <= most) continue;
    most = load;
    busiest = member;
  }
  assert(busiest !== undefined, "a host without a place for a parent has parents");
  return busiest;
}
