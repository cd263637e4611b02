/**
 * Who may feed whom: the manager's part of the matching, for one task. Pure: each call takes the time
 * and returns the hosts whose parents change.
 *
 * The manager decides candidates, never pieces: a host gets up to `parentsWanted` parents of mixed
 * progress, renewed when one leaves and when the host says that fewer than two of them have anything
 * new, evened out as it reports (`balance.ts`); newcomers are made parents of others as well. The peers
 * pick the pieces. Newcomers are gathered:
 * `match` gives all who came since the last call their parents, and a few times a second children, so
 * that a crowd costs a message or two for each host.
 * Whatever the number of hosts, one match or renewal looks at a few members drawn by chance.
 *
 * Invariants:
 *  1. A host is never its own parent; one that is shut out is nobody's, one that was accused never its accuser's.
 *  2. No host is given to more than `childrenMax` others, unless one would have too few parents otherwise.
 *  3. The seeds are given to at most `seededMax` hosts, and beyond these to those that have nobody else.
 *  4. Parents are of the host's own site, but for those by whom the object enters it (`Sites`).
 */

import type { Bitfield } from "#base/mod.ts";
import type { HostCard, ParentOffer } from "#core/protocol/mod.ts";
import { balance, comparedWith } from "./balance.ts";
import {
  busiestOf,
  childrenMax,
  fedBy,
  link,
  Member,
  Members,
  parentsMax,
  parentsWanted,
  toOffer,
  unlink,
} from "./members.ts";
import type { SwarmChange, SwarmReport } from "./report.ts";
import { Sites } from "./sites.ts";
import { Suspicion, type Verdict } from "./suspicion.ts";

/**
 * A newcomer with fewer children is given some. As many as parents: where each feeds as many as feed
 * it, all receive the same; a host whose parents have one child more each is slower by a ninth.
 */
const childrenWanted = parentsWanted;
/** Hosts that have the seeds among their parents: enough to keep a fast seed's uplink full. */
const seededMax = 512;
/** Members looked at in one choice. */
const drawnMax = 48;
/** Parents without news that one renewal replaces. */
const replacedMax = 2;
/** Differences of what hosts are fed that do not count. */
const alike = 0.02;
const accusedMax = 4096;
/** Newcomers are made parents of others this often: until then their uplinks stand idle. */
export const spreadEveryMs = 50;
/** A host for which nobody has anything gets the seeds after this time, however many have them. */
const aloneMsMax = 1_000;
/** While most others have nothing for it either, a newcomer waits this long before its parents are replaced. */
const youngMsMax = 10_000;
/** A host that asks for others gets them at most this often. */
const renewMsMin = 250;

export interface SwarmOptions {
  /** The seeds' site. */
  readonly home?: string;
  /** May be shared by the swarms of one manager. */
  readonly suspicion?: Suspicion;
  readonly isDraining?: ((host: string) => boolean) | undefined;
}

export class Swarm {
  readonly #members = new Members();
  readonly #sites: Sites;
  readonly #seeds: readonly ParentOffer[];
  readonly #unit: () => number;
  readonly #suspicion: Suspicion;
  readonly #isDraining: (host: string) => boolean;
  /** Who was accused by whom; kept when the accused leaves, so that coming back clears no name. */
  readonly #accusers = new Map<string, Set<string>>();
  #newcomers: Member[] = [];
  /** They have parents and are to be given children. */
  #childless: Member[] = [];
  #spreadMs = -Infinity;
  #seeded = 0;

  constructor(seeds: readonly ParentOffer[], unit: () => number, options: SwarmOptions = {}) {
    const { home = "", suspicion = new Suspicion(), isDraining = () => false } = options;
    this.#seeds = seeds;
    this.#sites = new Sites(home, unit);
    this.#unit = unit;
    this.#suspicion = suspicion;
    this.#isDraining = isDraining;
  }

  get size(): number {
    return this.#members.size;
  }

  get members(): readonly Member[] {
    return this.#members.all;
  }

  /** What a host of this swarm receives, in bytes a second: the mean of a few that are downloading. */
  get hostBytesPerSecond(): number {
    const rates = this.#members
      .draw(drawnMax, this.#unit)
      .filter((member) => !member.seeding && member.downBytesPerSecond > 0)
      .map((member) => member.downBytesPerSecond);
    return rates.length === 0 ? 0 : rates.reduce((sum, rate) => sum + rate, 0) / rates.length;
  }

  has(host: string): boolean {
    return this.#members.get(host) !== undefined;
  }

  /** The host is matched at the next `match`, which is to follow within milliseconds. */
  join(card: HostCard, held: Bitfield, nowMs: number): void {
    const old = this.#members.get(card.id);
    const member = new Member(card, held, nowMs, this.#accusers.get(card.id));
    member.seeding = held.length > 0 && held.full;
    if (old !== undefined) this.#replace(old, member);
    this.#members.add(member);
    this.#sites.join(member, nowMs);
    this.#newcomers.push(member);
  }

  /** It came back: it has what it had, if it is where it was. */
  #replace(old: Member, member: Member): void {
    const isThere = old.card.site === member.card.site;
    if (isThere) for (const child of old.children) link(child, member);
    // Not to an heir: nobody tells it. A newcomer gets them.
    member.seeded = old.seeded && isThere && !member.seeding;
    if (old.seeded && !member.seeded) this.#seeded--;
    old.seeded = false;
    this.#remove(old);
  }

  /**
   * Gives everybody who came since the last call parents, and makes them parents of others, at most
   * every `spreadEveryMs`: while `unspread` it is to be called again after that time.
   */
  match(nowMs: number): SwarmChange[] {
    const changed = new Set<Member>();
    for (const member of this.#newcomers) {
      if (member.gone) continue;
      this.#childless.push(member);
      if (member.seeding) continue;
      if (this.#seeded < seededMax) this.#giveSeeds(member);
      this.#choose(member, nowMs);
      changed.add(member);
    }
    this.#newcomers = [];
    if (nowMs - this.#spreadMs >= spreadEveryMs) {
      this.#spreadMs = nowMs;
      for (const member of this.#childless) if (!member.gone) this.#findChildren(member, changed, nowMs);
      this.#childless = [];
    }
    return this.#tellAll(changed, nowMs);
  }

  /** Some newcomers are nobody's parents yet. */
  get unspread(): boolean {
    return this.#childless.length > 0;
  }

  report(host: string, report: SwarmReport, nowMs: number): SwarmChange[] {
    const member = this.#members.get(host);
    if (member === undefined) return [];
    const changes = this.#take(member, report, nowMs);
    return this.#sites.handsOver(nowMs) ? [...changes, ...this.#tellAll(new Set(), nowMs)] : changes;
  }

  #take(member: Member, report: SwarmReport, nowMs: number): SwarmChange[] {
    member.tells(report.news, nowMs);
    this.#sites.reported(member, report, nowMs);
    const wasSeeding = member.seeding;
    member.seeding = report.seeding;
    member.upBytesPerSecond = report.upBytesPerSecond;
    member.downBytesPerSecond = report.downBytesPerSecond;
    member.crossedBytes = report.crossedBytes ?? member.crossedBytes;
    if (member.seeding) return wasSeeding ? [] : this.#finished(member, nowMs);
    if (report.starving) {
      this.#sites.relieve(member, nowMs);
      return nowMs - member.renewedMs >= renewMsMin ? this.#renewAll([member], nowMs) : [];
    }
    return this.#balance(member, nowMs) ? [this.#told(member)] : [];
  }

  leave(host: string, nowMs: number): SwarmChange[] {
    const member = this.#members.get(host);
    if (member === undefined) return [];
    const orphans = [...member.children].filter((child) => !child.seeding);
    const heirs = this.#remove(member);
    return [...heirs, ...this.#renewAll(orphans, nowMs)];
  }

  /**
   * A host says that `parent` sent wrong bytes: it gets others. With `check` the accused is to be looked
   * at, and `judged` told what came of it.
   */
  accuse(host: string, parent: string, nowMs: number): { readonly changes: SwarmChange[]; readonly check: boolean } {
    const accuser = this.#members.get(host);
    const accused = this.#members.get(parent);
    if (accuser === undefined || accused === undefined || accuser === accused) return { changes: [], check: false };
    accused.accusers.add(host);
    if (this.#accusers.size < accusedMax) this.#accusers.set(parent, accused.accusers);
    const changes = this.#renewAll([accuser], nowMs);
    const { address } = accuser.card;
    const next = this.#suspicion.accuse({ accuser: host, address, accused: parent, hosts: this.size });
    if (next === "shut-out") changes.push(...this.shutOut(parent, nowMs));
    return { changes, check: next === "check" };
  }

  /** What came of looking at the accused. */
  judged(accused: string, verdict: Verdict, nowMs: number): SwarmChange[] {
    return this.#suspicion.judged(accused, verdict) ? this.shutOut(accused, nowMs) : [];
  }

  /** Gives the children of a host that is shut out, or drains, other parents. */
  shutOut(host: string, nowMs: number): SwarmChange[] {
    const member = this.#members.get(host);
    if (member === undefined) return [];
    this.#sites.dismiss(member);
    return this.#renewAll(member.children, nowMs);
  }

  #balance(member: Member, nowMs: number): boolean {
    const others = this.#sites.near(member, comparedWith);
    return balance(member, others, (other) => other !== member && !this.#distrusted(other, member), nowMs);
  }

  /** It needs nobody any more; the seeds have time for another. */
  #finished(member: Member, nowMs: number): SwarmChange[] {
    member.finishedMs = nowMs;
    for (const parent of member.parents) unlink(member, parent);
    return this.#takeSeeds(member);
  }

  /** Out of the swarm, with all its ties. Returns who gets the seeds in its place. */
  #remove(member: Member): SwarmChange[] {
    for (const parent of member.parents) unlink(member, parent);
    for (const child of member.children) unlink(child, member);
    this.#members.remove(member);
    this.#sites.leave(member);
    member.gone = true;
    return this.#takeSeeds(member);
  }

  #giveSeeds(member: Member): void {
    if (member.seeded || !this.#sites.isHome(member)) return;
    member.seeded = true;
    this.#seeded++;
  }

  /** The seeds leave the member; of a few others the one that holds least gets them. */
  #takeSeeds(member: Member): SwarmChange[] {
    if (!member.seeded) return [];
    member.seeded = false;
    this.#seeded--;
    if (this.#seeded >= seededMax) return [];
    let heir: Member | undefined;
    for (const other of this.#sites.near(member, drawnMax)) {
      if (other === member || other.seeding || other.seeded) continue;
      if (heir === undefined || other.held.count < heir.held.count) heir = other;
    }
    if (heir === undefined) return [];
    this.#giveSeeds(heir);
    return [this.#told(heir)];
  }

  #renewAll(members: Iterable<Member>, nowMs: number): SwarmChange[] {
    const renewed = new Set(members);
    for (const member of renewed) this.#choose(member, nowMs);
    return this.#tellAll(renewed, nowMs);
  }

  /** What these are to be told, and all whose entry has changed besides. */
  #tellAll(changed: Set<Member>, nowMs: number): SwarmChange[] {
    for (const owner of this.#sites.settle((member) => !this.#feedsNobody(member.card.id), nowMs)) changed.add(owner);
    return Array.from(changed, (member) => this.#told(member));
  }

  /**
   * Gives the member its parents anew. Those that have something for it stay; of those that have not,
   * a few at a time make room for others that have, so that a swarm in step does not swap all its
   * connections; places left over are filled with whoever is there.
   */
  #choose(member: Member, nowMs: number): void {
    member.renewedMs = nowMs;
    const useful: Member[] = [];
    const idle: Member[] = [];
    for (const parent of member.parents) {
      if (this.#distrusted(parent, member)) unlink(member, parent);
      else if (parent.held.exceeds(member.held)) useful.push(parent);
      else if (parent.seeding) unlink(member, parent);
      else idle.push(parent);
    }
    const fresh: Member[] = [];
    const spare: Member[] = [];
    const crowded: Member[] = [];
    for (const other of this.#sites.near(member, drawnMax)) {
      if (other === member || member.parents.has(other) || this.#distrusted(other, member)) continue;
      if (other.children.size >= childrenMax) crowded.push(other);
      else if (other.held.exceeds(member.held)) fresh.push(other);
      else if (!other.seeding) spare.push(other);
    }
    const room = parentsWanted - useful.length - idle.length;
    // Where everybody has just come nobody has much: who was given a parent waits for what it will have,
    // or the few that have something would be everybody's parents and feed none of them well.
    const isYoung = fresh.length < spare.length + idle.length;
    const sinceMs = nowMs - member.joinedMs;
    const patient = sinceMs > 0 && sinceMs <= (isYoung ? youngMsMax : aloneMsMax);
    const replaced = patient ? 0 : Math.min(replacedMax, idle.length, Math.max(0, fresh.length - Math.max(0, room)));
    for (const parent of idle.slice(0, replaced)) unlink(member, parent);
    this.#add(fresh, member);
    this.#add(spare, member);
    this.#add(crowded, member);
    if (useful.length === 0 && fresh.length === 0 && nowMs - member.joinedMs > aloneMsMax) this.#giveSeeds(member);
  }

  #distrusted(other: Member, member: Member): boolean {
    return other.accusers.has(member.card.id) || this.#feedsNobody(other.card.id);
  }

  #feedsNobody(host: string): boolean {
    return this.#suspicion.isShutOut(host) || this.#isDraining(host);
  }

  /** Fills the member's places with candidates: few children first, the rest by chance. */
  #add(candidates: readonly Member[], member: Member): void {
    const room = parentsWanted - member.parents.size;
    if (room <= 0 || candidates.length === 0) return;
    const scored = candidates.map((candidate) => ({
      candidate,
      score: Math.min(candidate.children.size, childrenMax) + this.#unit(),
    }));
    scored.sort((a, b) => a.score - b.score);
    for (const { candidate } of scored.slice(0, room)) link(member, candidate);
  }

  /**
   * Gives a newcomer children, so that its uplink is used as much as anybody's: those that are fed least.
   * Who has places for parents gets one more. A child that came lately too, and whoever has no place,
   * takes it instead of a parent that has more children: a crowd comes to be fed evenly.
   */
  #findChildren(newcomer: Member, changed: Set<Member>, nowMs: number): void {
    if (newcomer.children.size >= childrenWanted || this.#feedsNobody(newcomer.card.id)) return;
    const offers: { readonly child: Member; readonly fed: number }[] = [];
    for (const child of this.#sites.near(newcomer, drawnMax)) {
      if (child === newcomer || child.seeding || child.parents.has(newcomer) || newcomer.accusers.has(child.card.id))
        continue;
      offers.push({ child, fed: fedBy(child.parents) + this.#unit() * alike });
    }
    offers.sort((a, b) => a.fed - b.fed);
    for (const { child } of offers) {
      if (newcomer.children.size >= childrenWanted) return;
      const places = nowMs - child.joinedMs <= aloneMsMax ? parentsWanted : parentsMax;
      if (child.parents.size >= places) {
        const busiest = busiestOf(child.parents);
        if (busiest.children.size <= newcomer.children.size + 1) continue;
        unlink(child, busiest);
      }
      link(child, newcomer);
      changed.add(child);
    }
  }

  #told(member: Member): SwarmChange {
    const host = member.card.id;
    const near = Array.from(member.parents, (parent) => toOffer(parent.card));
    if (member.seeded) near.unshift(...this.#seeds);
    const entry = member.seeding ? undefined : this.#sites.entryOf(member);
    if (entry === undefined) return { host, parents: near };
    const elsewhere = [...this.#seeds];
    for (const owner of entry.parents) if (!this.#distrusted(owner, member)) elsewhere.push(toOffer(owner.card));
    return {
      host,
      parents: [...elsewhere.map((offer) => ({ ...offer, across: true })), ...near],
      entry: entry.share,
    };
  }
}
