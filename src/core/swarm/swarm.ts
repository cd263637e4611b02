/**
 * Who may feed whom: the manager's part of the matching, for one task. Pure: each call takes the time
 * and returns the hosts whose parents change.
 *
 * The manager decides candidates, never pieces: a host gets up to `parentsWanted` parents of mixed
 * progress beside the seeds, renewed when one leaves, when the host says that fewer than two of them
 * have anything new, and now and then for those that have gone stale. The peers pick the pieces.
 *
 * Invariants:
 *  1. A host is never its own parent; a host accused by `accusersMax` others is nobody's parent.
 *  2. No host is given to more than `childrenMax` others while another candidate is left.
 */

import type { Bitfield } from "#base/mod.ts";
import type { HostCard, ParentOffer } from "#core/protocol/mod.ts";
import { hasNews, Member } from "./members.ts";

/** With 8 candidates mixed in progress the rules reach 1.01-1.03 of the discrete bound; 16 gain 1 % more. */
const parentsWanted = 8;
const childrenMax = 16;
/** Parents without news that one renewal replaces. */
const replacedMax = 2;
const accusersMax = 2;
/** A host that asks for others gets them at most this often. */
const renewMsMin = 250;

export interface SwarmChange {
  readonly host: string;
  readonly parents: readonly ParentOffer[];
}

export interface SwarmReport {
  readonly news: readonly number[];
  readonly starving: boolean;
  readonly seeding: boolean;
  readonly upBytesPerSecond: number;
  readonly downBytesPerSecond: number;
}

export class Swarm {
  readonly #members = new Map<string, Member>();
  readonly #seeds: readonly ParentOffer[];
  readonly #unit: () => number;

  constructor(seeds: readonly ParentOffer[], unit: () => number) {
    this.#seeds = seeds;
    this.#unit = unit;
  }

  get size(): number {
    return this.#members.size;
  }

  get members(): IterableIterator<Member> {
    return this.#members.values();
  }

  has(host: string): boolean {
    return this.#members.has(host);
  }

  join(card: HostCard, held: Bitfield, nowMs: number): SwarmChange[] {
    const old = this.#members.get(card.id);
    const member = new Member(card, held);
    member.seeding = held.length > 0 && held.full;
    this.#members.set(card.id, member);
    if (old !== undefined) {
      for (const child of old.children) member.children.add(child);
      this.#setParents(old, []);
    }
    return [this.#renew(member, nowMs), ...this.#findChildren(member)];
  }

  /**
   * Gives a newcomer children, so that its uplink is used as much as anybody's: hosts with too few
   * parents first, then those that can take it in place of a parent that has more children.
   */
  #findChildren(newcomer: Member): SwarmChange[] {
    const changes: SwarmChange[] = [];
    const others = [...this.#members.values()].filter(
      (other) => other !== newcomer && !other.seeding && !other.parents.has(newcomer.card.id),
    );
    const busiest = (child: Member): Member | undefined => {
      const parents = [...child.parents].map((id) => this.#members.get(id)).filter((parent) => parent !== undefined);
      return parents.reduce<Member | undefined>(
        (most, parent) => (most === undefined || parent.children.size > most.children.size ? parent : most),
        undefined,
      );
    };
    const relief = (child: Member): number => {
      if (child.parents.size < parentsWanted) return Infinity;
      const near = child.card.site === newcomer.card.site ? childrenMax : 0;
      return near + (busiest(child)?.children.size ?? 0) + this.#unit();
    };
    const offers = others.map((child) => ({ child, relief: relief(child) })).sort((a, b) => b.relief - a.relief);
    for (const { child } of offers) {
      if (newcomer.children.size >= parentsWanted) break;
      const parents = [...child.parents].map((id) => this.#members.get(id)).filter((parent) => parent !== undefined);
      const left = parents.length < parentsWanted ? undefined : busiest(child);
      if (left !== undefined && left.children.size <= newcomer.children.size + 1) continue;
      this.#setParents(child, [...parents.filter((parent) => parent !== left), newcomer]);
      changes.push(this.#told(child));
    }
    return changes;
  }

  #told(member: Member): SwarmChange {
    const parents = [...member.parents].map((id) => this.#members.get(id)).filter((parent) => parent !== undefined);
    return { host: member.card.id, parents: [...this.#seeds, ...parents.map((parent) => toOffer(parent.card))] };
  }

  report(host: string, report: SwarmReport, nowMs: number): SwarmChange[] {
    const member = this.#members.get(host);
    if (member === undefined) return [];
    for (const index of report.news) {
      member.held.grow(index + 1);
      member.held.set(index);
    }
    member.seeding = report.seeding;
    member.upBytesPerSecond = report.upBytesPerSecond;
    member.downBytesPerSecond = report.downBytesPerSecond;
    if (member.seeding) {
      this.#setParents(member, []);
      return [];
    }
    return report.starving && nowMs - member.renewedMs >= renewMsMin ? [this.#renew(member, nowMs)] : [];
  }

  leave(host: string, nowMs: number): SwarmChange[] {
    const member = this.#members.get(host);
    if (member === undefined) return [];
    this.#members.delete(host);
    this.#setParents(member, []);
    const changes: SwarmChange[] = [];
    for (const id of member.children) {
      const child = this.#members.get(id);
      if (child !== undefined && child.parents.delete(host) && !child.seeding) changes.push(this.#renew(child, nowMs));
    }
    return changes;
  }

  /** A host says that `parent` sent wrong bytes: it gets others; the accused loses its children once several agree. */
  accuse(host: string, parent: string, nowMs: number): SwarmChange[] {
    const accuser = this.#members.get(host);
    const accused = this.#members.get(parent);
    if (accuser === undefined || accused === undefined) return [];
    accused.accusers.add(host);
    const changes = [this.#renew(accuser, nowMs)];
    if (accused.accusers.size < accusersMax) return changes;
    for (const id of accused.children) {
      const child = this.#members.get(id);
      if (child !== undefined && child !== accuser) changes.push(this.#renew(child, nowMs));
    }
    return changes;
  }

  /**
   * Gives the member its parents anew. Those that have something for it stay; of those that have not,
   * a few at a time make room for others that have, so that a swarm in step does not swap all its
   * connections; places left over are filled with whoever is there.
   */
  #renew(member: Member, nowMs: number): SwarmChange {
    member.renewedMs = nowMs;
    const useful: Member[] = [];
    const idle: Member[] = [];
    const fresh: Member[] = [];
    const spare: Member[] = [];
    for (const other of this.#members.values()) {
      if (other === member || other.accusers.size >= accusersMax || other.accusers.has(member.card.id)) continue;
      const isParent = member.parents.has(other.card.id);
      if (hasNews(other.held, member.held)) (isParent ? useful : fresh).push(other);
      else if (!other.seeding) (isParent ? idle : spare).push(other);
    }
    const keptIdle = fresh.length === 0 ? idle : idle.slice(Math.min(replacedMax, fresh.length));
    const kept = [...useful, ...keptIdle].slice(0, parentsWanted);
    const added = this.#choose(fresh, member, parentsWanted - kept.length);
    const filled = this.#choose(spare, member, parentsWanted - kept.length - added.length);
    this.#setParents(member, [...kept, ...added, ...filled]);
    return this.#told(member);
  }

  /** `count` of the candidates: own site and few children first, the rest by chance. */
  #choose(candidates: Member[], member: Member, count: number): Member[] {
    if (count <= 0) return [];
    const scored = candidates.map((candidate) => ({
      candidate,
      score:
        (candidate.card.site === member.card.site ? 0 : childrenMax) +
        Math.min(candidate.children.size, childrenMax) +
        this.#unit() * 2,
    }));
    scored.sort((a, b) => a.score - b.score);
    return scored.slice(0, count).map(({ candidate }) => candidate);
  }

  #setParents(member: Member, parents: readonly Member[]): void {
    const ids = new Set(parents.map((parent) => parent.card.id));
    for (const id of member.parents) if (!ids.has(id)) this.#members.get(id)?.children.delete(member.card.id);
    for (const parent of parents) parent.children.add(member.card.id);
    member.parents = ids;
  }
}

function toOffer(card: HostCard): ParentOffer {
  return { id: card.id, address: card.address, port: card.port, seed: false };
}
