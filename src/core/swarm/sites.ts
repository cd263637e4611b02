/**
 * By whom an object enters each site. Between sites bytes are dear, so that each piece comes over a line
 * once: pieces take turns on a few ways, each way of a site belongs to one of its hosts, and only that
 * host may ask for the way's pieces elsewhere. Everybody else gets them inside.
 *
 * The seeds' own site needs no ways. Owners of one way are each other's parents, and have the seeds, whom
 * they ask for what nobody else has: a seed sends across what it sent across least often, so that little
 * more than one copy leaves its site. Nothing is said per piece: a host's part is a few numbers
 * (`EntryShare`).
 *
 * A way that moves while its owner is well is handed over: the owner asks for nothing more by it, and its
 * heir, to whom it is a parent, asks only when all that was on its way has come. Otherwise what had begun
 * would cross twice.
 *
 * Invariants:
 *  1. A way of a site with hosts has an owner, one of them; no more than `waysMax` hosts ask elsewhere.
 *  2. An owner's parents elsewhere are owners of the same way, at most `acrossMax` of them, and the seeds.
 *  3. A way by which nothing came in for a while goes to a host that starves; each time the while doubles.
 *  4. A way is handed over within `handOverMs.max`, whatever its owner says.
 */

import { Bitfield } from "#base/mod.ts";
import type { EntryShare } from "#core/protocol/mod.ts";
import { link, Members, type Member } from "./members.ts";
import type { SwarmReport } from "./report.ts";

/** As many as keep a line full with a piece each; with sixteen each piece would be whole later. */
export const waysMax = 8;
const acrossMax = 16;
const drawnMax = 48;
const patienceMs = { first: 5_000, max: 80_000 } as const;
/** Its owner's last pieces are known to its heir so long after the manager has heard of them. */
const handOverMs = { news: 200, max: 5_000 } as const;

interface Way {
  owner: Member | undefined;
  /** When its owner got it. */
  givenMs: number;
  /** Gets it next; its owner gives it up since, and had nothing more on its way by it from then on. */
  heir: Member | undefined;
  handedMs: number;
  clearedMs: number | undefined;
  /** When something came in by it, or when its owner got it. */
  lastMs: number;
  patienceMs: number;
}

interface Site {
  readonly members: Members;
  /** None in the seeds' own site. */
  readonly ways: readonly Way[];
  /** What has come in. */
  readonly held: Bitfield;
}

export interface Entry {
  readonly share: EntryShare;
  /** Owners of the same ways elsewhere. */
  readonly parents: readonly Member[];
}

export class Sites {
  readonly #home: string;
  readonly #unit: () => number;
  readonly #sites = new Map<string, Site>();
  /** All but the seeds' own, in the order in which they came. */
  #away: Site[] = [];
  /** Whose entry is another than it was told. */
  readonly #changed = new Set<Member>();
  /** Ways that are being handed over, with their numbers. */
  readonly #handed = new Map<Way, number>();

  /** `home` is the seeds' site. */
  constructor(home: string, unit: () => number) {
    this.#home = home;
    this.#unit = unit;
  }

  isHome(member: Member): boolean {
    return member.card.site === this.#home;
  }

  /** A few hosts of the member's own site, itself perhaps among them. */
  near(member: Member, count: number): readonly Member[] {
    return this.#sites.get(member.card.site)?.members.draw(count, this.#unit) ?? [];
  }

  join(member: Member, nowMs: number): void {
    const { site: name } = member.card;
    let site = this.#sites.get(name);
    if (site === undefined) {
      const ways = name === this.#home ? 0 : waysMax;
      site = { members: new Members(), ways: Array.from({ length: ways }, newWay), held: new Bitfield(0) };
      this.#sites.set(name, site);
      if (ways > 0) this.#setAway([...this.#away, site]);
    }
    site.members.add(member);
    this.#entered(member, member.held.indices(), nowMs);
  }

  leave(member: Member): void {
    this.#changed.delete(member);
    const site = this.#sites.get(member.card.site);
    if (site === undefined) return;
    site.members.remove(member);
    this.dismiss(member);
    if (site.members.size > 0) return;
    this.#sites.delete(member.card.site);
    this.#setAway(this.#away.filter((other) => other !== site));
  }

  /** Its ways go to others. */
  dismiss(member: Member): void {
    for (const way of this.#sites.get(member.card.site)?.ways ?? []) {
      if (way.owner === member) way.owner = undefined;
      else if (way.heir !== member) continue;
      this.#keep(way);
    }
  }

  reported(member: Member, { news, crossing = false }: SwarmReport, nowMs: number): void {
    this.#entered(member, news, nowMs);
    for (const way of this.#handed.keys()) {
      if (way.owner === member) way.clearedMs = crossing ? undefined : (way.clearedMs ?? nowMs);
    }
  }

  /** Whether an heir may have its way now, so that `settle` has something to do. */
  handsOver(nowMs: number): boolean {
    for (const way of this.#handed.keys()) if (isHandedOver(way, nowMs)) return true;
    return false;
  }

  /** The member holds these pieces. */
  #entered(member: Member, indices: Iterable<number>, nowMs: number): void {
    const site = this.#sites.get(member.card.site);
    if (site === undefined || site.ways.length === 0) return;
    for (const index of indices) {
      site.held.grow(index + 1);
      if (!site.held.set(index)) continue;
      const way = site.ways[index % waysMax]!;
      way.lastMs = nowMs;
      way.patienceMs = patienceMs.first;
    }
  }

  /** The member starves: it gets the ways of its site by which nothing has come for too long. */
  relieve(member: Member, nowMs: number): void {
    for (const [number, way] of this.#sites.get(member.card.site)?.ways.entries() ?? []) {
      if (way.owner === member || nowMs - way.lastMs < way.patienceMs) continue;
      way.patienceMs = Math.min(patienceMs.max, 2 * way.patienceMs);
      this.#give(way, number, member, nowMs);
    }
  }

  /** Gives every way an owner that `mayOwn` and spreads them. Returns whose entry has changed since the last call. */
  settle(mayOwn: (member: Member) => boolean, nowMs: number): readonly Member[] {
    for (const [way, number] of this.#handed) {
      if (isHandedOver(way, nowMs)) this.#give(way, number, way.heir!, nowMs);
    }
    for (const site of this.#away) {
      const candidates = site.members.draw(drawnMax, this.#unit).filter(mayOwn);
      if (candidates.length > 0) this.#spread(site, candidates, nowMs);
    }
    const changed = [...this.#changed];
    this.#changed.clear();
    return changed;
  }

  /** What the member may ask elsewhere, and of whom; undefined when nothing enters by it. */
  entryOf(member: Member): Entry | undefined {
    const site = this.#sites.get(member.card.site);
    if (site === undefined) return undefined;
    const mine = site.ways.flatMap((way, number) => (way.owner === member && way.heir === undefined ? [number] : []));
    if (mine.length === 0) return undefined;
    const place = this.#away.indexOf(site);
    const parents = new Set<Member>();
    const most = Math.max(2, Math.floor(acrossMax / mine.length));
    for (const number of mine) {
      for (const step of stepsBetween(this.#away.length, most)) {
        const owner = this.#away[(place + step) % this.#away.length]!.ways[number]!.owner;
        if (owner !== undefined) parents.add(owner);
      }
    }
    return { share: { ways: waysMax, mine }, parents: [...parents] };
  }

  /** Vacant ways first, then from who has two more than another. Whoever holds most of fewest ways is next. */
  #spread(site: Site, candidates: readonly Member[], nowMs: number): void {
    const owned = new Map<Member, number>();
    for (const { owner, heir = owner } of site.ways)
      if (heir !== undefined) owned.set(heir, (owned.get(heir) ?? 0) + 1);
    const rank = (member: Member): number => (owned.get(member) ?? 0) + (member.seeding ? waysMax : 0);
    for (const [number, way] of site.ways.entries()) {
      const next = candidates.reduce((best, member) => (rank(member) < rank(best) ? member : best));
      const least = owned.get(next) ?? 0;
      const last = way.heir ?? way.owner;
      if (last !== undefined && (next.seeding || owned.get(last)! < least + 2)) continue;
      if (last !== undefined) owned.set(last, owned.get(last)! - 1);
      owned.set(next, least + 1);
      if (way.owner === next) this.#keep(way);
      else if (way.owner === undefined || way.givenMs === nowMs) this.#give(way, number, next, nowMs);
      else this.#handTo(way, number, next, nowMs);
    }
  }

  #handTo(way: Way, number: number, heir: Member, nowMs: number): void {
    const owner = way.owner!;
    way.heir = heir;
    if (!this.#handed.has(way)) [way.handedMs, way.clearedMs] = [nowMs, undefined];
    this.#handed.set(way, number);
    // So that it knows what has come.
    link(heir, owner);
    this.#changed.add(owner).add(heir);
  }

  /** Nobody waits for it any more. */
  #keep(way: Way): void {
    way.heir = undefined;
    this.#handed.delete(way);
    if (way.owner !== undefined) this.#changed.add(way.owner);
  }

  #give(way: Way, number: number, owner: Member, nowMs: number): void {
    this.#keep(way);
    way.owner = owner;
    way.givenMs = way.lastMs = nowMs;
    for (const site of this.#away) {
      const other = site.ways[number]!.owner;
      if (other !== undefined) this.#changed.add(other);
    }
  }

  #setAway(away: Site[]): void {
    this.#away = away;
    for (const site of away) for (const { owner } of site.ways) if (owner !== undefined) this.#changed.add(owner);
  }
}

function newWay(): Way {
  return {
    owner: undefined,
    givenMs: 0,
    heir: undefined,
    handedMs: 0,
    clearedMs: undefined,
    lastMs: 0,
    patienceMs: patienceMs.first,
  };
}

function isHandedOver({ handedMs, clearedMs = Infinity }: Way, nowMs: number): boolean {
  return nowMs - clearedMs >= handOverMs.news || nowMs - handedMs >= handOverMs.max;
}

/** How far along the ring of sites to look: at all of them, or at `most`, near ones and ever further ones. */
function stepsBetween(sites: number, most: number): number[] {
  if (sites - 1 <= most) return Array.from({ length: sites - 1 }, (_, step) => step + 1);
  return Array.from({ length: most }, (_, number) =>
    Math.max(number + 1, Math.round(sites ** ((number + 1) / (most + 1)))),
  );
}
