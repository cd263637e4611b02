/** A whole cluster in one thread, in virtual time, under one seed: origin, manager, hosts and the lines between. */

import { choosePieceBytes, pieceCount } from "#core/model/mod.ts";
import { acrossSlots, reportEveryMs, seedSlots } from "#core/swarm/mod.ts";
import { Agenda } from "./agenda.ts";
import type { Fault } from "./faults.ts";
import { Helper } from "./helping-manager.ts";
import { Host } from "./host.ts";
import { Manager, Seed } from "./manager.ts";
import { managerPlace, Network, type Sites } from "./network.ts";
import { Chance } from "./random.ts";
import type { Sender, Surroundings } from "./sender.ts";
import { SiteLines, type SitePlan } from "./site-lines.ts";
import { Trouble } from "./trouble.ts";
import type { Watcher } from "./watcher.ts";

/** Pieces side by side, as a host's settings have it; a seed sends one for each host whose line it can fill. */
const hostSlots = 8;
const seedSlotsMin = 4;
/** News of pieces is gathered this long, as in the product. */
const newsEveryMs = 100;

export interface HostPlan {
  readonly upBytesPerSecond: number;
  readonly downBytesPerSecond: number;
  /** Its number among the cluster's sites. */
  readonly site?: number;
  /** When it asks. */
  readonly startMs?: number;
  /** The share of the pieces it sends that have wrong bytes; `true` is one in ten. */
  readonly lies?: boolean | number;
  /** It accuses one of its parents with every report, whatever that sent. */
  readonly accusesFalsely?: boolean;
}

export interface ClusterPlan {
  readonly seed: number;
  readonly lengthBytes: number;
  readonly pieceBytes?: number;
  readonly originBytesPerSecond: number;
  /** One number for each seed: what it can send. */
  readonly seedsBytesPerSecond: readonly number[];
  readonly hosts: readonly HostPlan[];
  /** Managers beside the owner, by what each can send and receive; hosts are near them all by turns. */
  readonly helpersBytesPerSecond?: readonly number[];
  /** Hosts that the owner serves before it sends others to their own managers. */
  readonly taskHostsMax?: number;
  readonly latencyMs: number;
  readonly jitterMs: number;
  /** The origin and the manager are in the first one. */
  readonly sites?: readonly SitePlan[];
  readonly pieceCpuMs?: number;
  readonly stepMs?: number;
  readonly faults?: readonly Fault[];
  readonly watcher?: Watcher;
}

export class Cluster {
  readonly plan: ClusterPlan;
  readonly agenda: Agenda;
  readonly chance: Chance;
  readonly network: Network;
  readonly pieceBytes: number;
  readonly pieces: number;
  readonly hosts: Host[] = [];
  readonly seeds: Seed[];
  /** The owner, and the managers that help it behind it. */
  readonly manager: Manager;
  readonly managers: Manager[] = [];
  readonly helpers: Helper[] = [];
  readonly #around: Surroundings;
  readonly #senders = new Map<string, Sender>();
  /** Hosts that have it all. */
  finished = 0;
  /** Honest hosts that have not finished and are not gone for good. */
  #awaited = 0;

  constructor(plan: ClusterPlan) {
    this.plan = plan;
    this.agenda = new Agenda(plan.stepMs ?? 0.05);
    this.chance = new Chance(plan.seed);
    this.network = new Network(this.chance, plan.latencyMs, plan.jitterMs, this.#makeSites());
    this.pieceBytes = plan.pieceBytes ?? choosePieceBytes(plan.lengthBytes, plan.hosts.length);
    this.pieces = pieceCount(plan.lengthBytes, this.pieceBytes);
    const { agenda, chance, network, pieces, pieceBytes } = this;
    const { lengthBytes, watcher } = plan;
    this.#around = { agenda, chance, network, pieces, pieceBytes, lengthBytes, newsEveryMs, watcher };
    this.seeds = this.#makeSeeds();
    this.manager = this.#addManager(undefined);
    for (const seed of this.seeds) this.#senders.set(seed.id, seed);
    for (const bytesPerSecond of plan.helpersBytesPerSecond ?? []) this.#addHelper(bytesPerSecond);
    plan.hosts.forEach((host, number) => this.#addHost(host, number));
  }

  #makeSites(): Sites | undefined {
    const { sites, hosts } = this.plan;
    if (sites === undefined) return undefined;
    return { plans: sites, ofHost: hosts.map(({ site = 0 }) => site), lines: new SiteLines(this.agenda, sites) };
  }

  #makeSeeds(): Seed[] {
    const { hosts, seedsBytesPerSecond } = this.plan;
    const median = hosts[hosts.length >> 1]!.upBytesPerSecond;
    return seedsBytesPerSecond.map(
      (upBytesPerSecond, number) =>
        new Seed({
          around: this.#around,
          id: `seed${number}`,
          place: managerPlace,
          upBytesPerSecond,
          slots: seedSlots(upBytesPerSecond, median, seedSlotsMin),
          acrossSlots: acrossSlots.seed,
          isFedByOrigin: true,
          lies: 0,
        }),
    );
  }

  #addManager(helper: Helper | undefined): Manager {
    const { agenda, chance, network, pieces, plan, seeds, managers } = this;
    const { originBytesPerSecond, taskHostsMax: hostsMax = Infinity } = plan;
    const made = new Manager({
      agenda,
      chance,
      network,
      pieces,
      originBytesPerSecond,
      seeds: helper === undefined ? seeds : [],
      id: `m${managers.length}`,
      hostsMax,
      managers,
      ...(helper === undefined ? {} : { helper }),
    });
    managers.push(made);
    return made;
  }

  /** What all that download have in common. */
  #downloading() {
    const { hosts, pieceCpuMs = 0, helpersBytesPerSecond = [] } = this.plan;
    const hostsEach = Math.ceil(hosts.length / (helpersBytesPerSecond.length + 1));
    const senderOf = (id: string): Sender | undefined => this.#senders.get(id);
    return {
      around: this.#around,
      reportEveryMs: reportEveryMs(hostsEach),
      pieceCpuMs,
      manager: this.manager,
      senderOf,
    };
  }

  #addHelper(bytesPerSecond: number): void {
    const { hosts } = this.plan;
    const helper = new Helper({
      ...this.#downloading(),
      id: `helper${this.helpers.length}`,
      place: managerPlace,
      upBytesPerSecond: bytesPerSecond,
      downBytesPerSecond: bytesPerSecond,
      slots: seedSlots(bytesPerSecond, hosts[hosts.length >> 1]!.upBytesPerSecond, seedSlotsMin),
      acrossSlots: acrossSlots.seed,
      isFedByOrigin: false,
      accusesFalsely: false,
      lies: 0,
      home: this.manager,
      onFinished: () => undefined,
    });
    helper.manager = this.#addManager(helper);
    this.helpers.push(helper);
    this.#senders.set(helper.id, helper);
  }

  #addHost(plan: HostPlan, place: number): void {
    const made = new Host({
      ...this.#downloading(),
      id: `h${place}`,
      place,
      upBytesPerSecond: plan.upBytesPerSecond,
      downBytesPerSecond: plan.downBytesPerSecond,
      slots: hostSlots,
      acrossSlots: acrossSlots.host,
      isFedByOrigin: false,
      accusesFalsely: plan.accusesFalsely === true,
      lies: Number(plan.lies === true ? 0.1 : (plan.lies ?? 0)),
      home: this.managers[place % this.managers.length]!,
      onFinished: (host) => this.#hostFinished(host),
    });
    if (made.lies === 0) this.#awaited++;
    this.hosts.push(made);
    this.#senders.set(made.id, made);
  }

  /** Until every honest host that is not gone for good has finished, or the time is up. */
  run(untilMs: number): void {
    const starter = { on: (_code: number, host: unknown) => (host as Host).start() };
    this.hosts.forEach((host, number) => this.agenda.after(this.plan.hosts[number]!.startMs ?? 0, starter, 0, host));
    this.manager.start();
    if (this.plan.faults !== undefined) new Trouble(this, this.plan.faults).start();
    this.agenda.run(untilMs, () => this.#awaited === 0);
  }

  #hostFinished(host: Host): void {
    this.finished++;
    if (host.lies === 0) this.#awaited--;
  }

  /** The host will not come back. */
  hostGone(host: Host): void {
    if (host.lies === 0 && host.finishedMs === undefined) this.#awaited--;
  }
}
