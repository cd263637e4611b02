/**
 * One simulated cluster manager: fetches the object from the origin once, lists its pieces, seeds them
 * through one or several seeds, and matches the hosts with the product's own `Swarm`. With several
 * seeds each fetches and seeds its share of the pieces. A manager that starts again has lost its swarm
 * and its connections, and goes on with the pieces that its seeds had stored. One that helps another gets
 * the object from that one's swarm; the owner sends it hosts by the product's own rule.
 */

import { assert, Bitfield } from "#base/mod.ts";
import type { ParentOffer, HostCard } from "#core/protocol/mod.ts";
import { helpsAtOnce, isDelegated } from "#core/placement/mod.ts";
import { spreadEveryMs, Suspicion, Swarm, type SwarmChange, type SwarmReport } from "#core/swarm/mod.ts";
import type { Actor, Agenda } from "./agenda.ts";
import type { ControlLink } from "./control-link.ts";
import type { Helper } from "./helping-manager.ts";
import { Listing } from "./listing.ts";
import { LocalClock } from "./local-clock.ts";
import { managerPlace, type Network } from "./network.ts";
import type { Chance } from "./random.ts";
import { Sender } from "./sender.ts";

const begunCode = 0;
const fetchedCode = 1;
const matchCode = 2;
const keepAliveCode = 3;
const refetchCode = 4;
const lookedCode = 5;
/** What the accused has for its own look, and the fetch of one piece. */
const lookMs = 1_100;
const matchDelayMs = 5;
const keepAliveMs = 2_000;

export interface ManagerOptions {
  readonly id: string;
  /** Hosts that it serves before it sends others to their own managers. */
  readonly hostsMax: number;
  /** All of them; the list grows while they are made. */
  readonly managers: readonly Manager[];
  /** Absent at the owner, who asks the origin. */
  readonly helper?: Helper;
  readonly agenda: Agenda;
  readonly chance: Chance;
  readonly network: Network;
  readonly pieces: number;
  readonly originBytesPerSecond: number;
  readonly seeds: readonly Seed[];
}

export class Seed extends Sender {
  growing = true;

  protected override get isSeedThatFetches(): boolean {
    return this.growing;
  }

  crash(): void {
    this.die();
  }

  restart(): void {
    this.liveAgain();
  }
}

export class Manager implements Actor {
  readonly health = "up";
  readonly #options: ManagerOptions;
  /** What its program takes for the time. */
  readonly clock: LocalClock;
  readonly #offers: readonly ParentOffer[];
  /** By the host's id; the connection that it asked on last. */
  readonly #links = new Map<string, ControlLink>();
  /** What the seeds have stored. */
  readonly #have: Bitfield;
  #listing: Listing;
  #matchDue = false;
  #fetching = false;
  /** The origin has answered: there is something to tell. */
  #begun = false;
  /** When the piece under way began to come, by the origin's rate and not by the agenda's steps. */
  #pieceBeganMs = 0;
  /** What an earlier life or an earlier connection to the origin has planned is void. */
  life = 0;
  #fetch = 0;
  down = false;
  swarm: Swarm;
  suspicion = new Suspicion();
  /** Pieces that came from the origin. */
  originPieces = 0;
  /** Bytes that the origin sent in vain, since a piece was cut off. */
  originBytesLost = 0;
  /** Said and heard. */
  messages = 0;
  /** Connections that hosts opened to it while the task ran. */
  greetings = 0;
  /** Hosts at home here that were let go on to the owner. */
  #letGo = 0;
  /** How often a host was told its parents. */
  parentsTold = 0;

  constructor(options: ManagerOptions) {
    this.#options = options;
    this.clock = new LocalClock(options.agenda);
    const seeds = options.helper === undefined ? options.seeds : [options.helper];
    this.#offers = seeds.map(({ id }): ParentOffer => ({ id, address: "", port: 0, seed: true }));
    this.#have = new Bitfield(options.pieces);
    this.swarm = this.#newSwarm();
    this.#listing = this.#newListing();
  }

  #newSwarm(): Swarm {
    this.suspicion = new Suspicion();
    return new Swarm(this.#offers, this.#options.chance.unit, { home: "site0", suspicion: this.suspicion });
  }

  #newListing(): Listing {
    const { agenda, pieces } = this.#options;
    return new Listing({ agenda, pieces, greet: (link) => this.#greet(link, undefined) }, this.#have.indices());
  }

  /** A host asks for the task, with what it has of it. The first one begins the fetch. */
  join(link: ControlLink, holds: Bitfield): void {
    const { hostsMax, managers } = this.#options;
    const { id: home } = link.host.options.home;
    const hosts = this.#links.size;
    if (!this.#links.has(link.host.id) && isDelegated({ hosts, hostsMax, own: this.id, home, managers }))
      return link.delegated();
    this.#links.set(link.host.id, link);
    if (!this.#fetching && !this.#have.full) this.#fetchOn();
    if (this.#begun) this.#greet(link, holds);
  }

  /** A host that is at home here wants the task, which another manager owns. */
  enquired(link: ControlLink): void {
    const { hostsMax, managers } = this.#options;
    const hosts = this.#links.size + this.#letGo;
    const helps = helpsAtOnce({ hosts, hostsMax, own: this.id, managers });
    if (!helps) this.#letGo++;
    link.helps(helps);
  }

  get id(): string {
    return this.#options.id;
  }

  /** What it has from the owner's swarm. */
  gained(index: number): void {
    this.#have.set(index);
    if (!this.#begun) {
      this.#begun = true;
      this.#listing.invite(this.#links.values());
    }
    this.#listing.stored(index);
  }

  report(link: ControlLink, report: SwarmReport): void {
    if (this.#links.get(link.host.id) !== link) return;
    this.#give(this.swarm.report(link.host.id, report, this.clock.nowMs));
  }

  accuse(link: ControlLink, parent: string): void {
    const { agenda } = this.#options;
    const { changes, check } = this.swarm.accuse(link.host.id, parent, this.clock.nowMs);
    this.#give(changes);
    if (check) agenda.after(lookMs, this, lookedCode, { parent, life: this.life });
  }

  /** A host's connection is gone, unless it is here on a new one. */
  lost(link: ControlLink): void {
    this.#listing.leave(link);
    if (this.#links.get(link.host.id) !== link) return;
    this.#links.delete(link.host.id);
    this.#give(this.swarm.leave(link.host.id, this.clock.nowMs));
  }

  /** The manager has fetched a piece from the accused, as a host does; nobody tells it who lies. */
  #looked(parent: string): void {
    const { chance } = this.#options;
    const accused = this.#links.get(parent)?.host;
    const verdict =
      accused === undefined || accused.down ? "unknown" : chance.unit() < accused.lies ? "wrong" : "right";
    this.#give(this.swarm.judged(parent, verdict, this.clock.nowMs));
  }

  on(code: number, argument: unknown): void {
    if (code === lookedCode) {
      const { parent, life } = argument as { readonly parent: string; readonly life: number };
      if (life === this.life) this.#looked(parent);
      return;
    }
    if (argument !== (code === matchCode || code === keepAliveCode ? this.life : this.#fetch)) return;
    switch (code) {
      case begunCode:
        return this.#begin();
      case fetchedCode:
        return this.#fetched();
      case matchCode:
        return this.#match();
      case keepAliveCode:
        for (const seed of this.#options.seeds) seed.keepAlive();
        return this.#options.agenda.after(keepAliveMs, this, keepAliveCode, this.life);
      case refetchCode:
        return this.#fetchOn();
    }
  }

  /** The process and its seeds are killed. */
  crash(): void {
    if (this.down) return;
    this.down = true;
    this.life++;
    this.#stopFetching();
    this.#begun = false;
    this.#matchDue = false;
    this.#listing.stop();
    for (const link of this.#links.values()) link.closeAtManager();
    this.#links.clear();
    for (const seed of this.#options.seeds) seed.crash();
  }

  /** It starts again; its swarm comes back with its hosts. */
  restart(): void {
    if (!this.down) return;
    this.down = false;
    this.clock.restart();
    for (const seed of this.#options.seeds) seed.restart();
    this.swarm = this.#newSwarm();
    this.#listing = this.#newListing();
    this.#begun = this.#have.count > 0;
    this.#options.agenda.after(keepAliveMs, this, keepAliveCode, this.life);
  }

  /** The manager's program begins to run. */
  start(): void {
    this.#options.agenda.after(keepAliveMs, this, keepAliveCode, this.life);
  }

  /** The origin breaks its connection; the manager asks again a little later for what it lacks. */
  cutOrigin(forMs: number): void {
    if (!this.#fetching || this.down) return;
    this.#stopFetching();
    this.#fetching = true;
    this.#options.agenda.after(forMs, this, refetchCode, this.#fetch);
  }

  #stopFetching(): void {
    if (this.#fetching) {
      const { agenda, originBytesPerSecond } = this.#options;
      const cameBytes = ((agenda.nowMs - this.#pieceBeganMs) / 1000) * originBytesPerSecond;
      this.originBytesLost += Math.max(0, Math.min(cameBytes, this.#options.seeds[0]!.bytesOf(0)));
    }
    this.#fetching = false;
    this.#fetch++;
  }

  /** Asks the origin for the rest; its first byte comes after the request's way there and back. */
  #fetchOn(): void {
    const { agenda, network, helper } = this.#options;
    this.#fetching = true;
    if (helper !== undefined) return helper.start();
    const firstByteMs = 4 * network.latencyMs(managerPlace, managerPlace);
    this.#pieceBeganMs = agenda.nowMs + firstByteMs;
    agenda.after(firstByteMs, this, begunCode, this.#fetch);
  }

  #begin(): void {
    if (!this.#begun) {
      this.#begun = true;
      this.#listing.invite(this.#links.values());
    }
    this.#fetchNext();
  }

  #fetchNext(): void {
    const { agenda, originBytesPerSecond, pieces, seeds } = this.#options;
    const index = this.#have.firstClear();
    if (index === pieces) {
      this.#fetching = false;
      return;
    }
    const dueMs = this.#pieceBeganMs + (seeds[0]!.bytesOf(index) / originBytesPerSecond) * 1000;
    agenda.after(Math.max(0, dueMs - agenda.nowMs), this, fetchedCode, this.#fetch);
  }

  #fetched(): void {
    const { seeds, originBytesPerSecond } = this.#options;
    const index = this.#have.firstClear();
    this.#pieceBeganMs += (seeds[0]!.bytesOf(index) / originBytesPerSecond) * 1000;
    this.originPieces++;
    assert(this.#have.set(index), "the origin is asked for each piece once");
    if (this.#have.full) for (const seed of seeds) seed.growing = false;
    seeds[index % seeds.length]!.gained(index);
    this.#listing.stored(index);
    this.#fetchNext();
  }

  #greet(link: ControlLink, holds: Bitfield | undefined): void {
    const { pieces, agenda } = this.#options;
    const { id } = link.host;
    this.#listing.join(link);
    const held = new Bitfield(pieces);
    if (holds !== undefined) for (const index of holds.indices()) if (this.#have.has(index)) held.set(index);
    const { site } = link.host;
    const card: HostCard = { id, name: id, site, address: id, port: 0 };
    this.swarm.join(card, held, this.clock.nowMs);
    if (this.#have.full && held.full)
      this.report(link, { news: [], starving: false, seeding: true, upBytesPerSecond: 0, downBytesPerSecond: 0 });
    if (this.#matchDue) return;
    this.#matchDue = true;
    agenda.after(matchDelayMs, this, matchCode, this.life);
  }

  #match(): void {
    const { agenda } = this.#options;
    this.#matchDue = false;
    this.#give(this.swarm.match(this.clock.nowMs));
    if (this.swarm.unspread) agenda.after(spreadEveryMs, this, matchCode, this.life);
  }

  #give(changes: readonly SwarmChange[]): void {
    for (const change of changes) {
      const link = this.#links.get(change.host);
      if (link === undefined) continue;
      this.parentsTold++;
      link.parents(change);
      this.#listing.tell(link);
    }
  }
}
