/** A whole cluster in one thread, in virtual time, under one seed: origin, manager, hosts and the lines between. */

import { choosePieceBytes, pieceCount } from "#core/model/mod.ts";
import { Agenda } from "./agenda.ts";
import { Host } from "./host.ts";
import { Manager, Seed } from "./manager.ts";
import { Chance } from "./random.ts";
import type { Sender } from "./sender.ts";

export interface HostPlan {
  readonly upBytesPerSecond: number;
  readonly downBytesPerSecond: number;
  /** When it asks. */
  readonly startMs?: number;
  readonly lies?: boolean;
}

export interface ClusterPlan {
  readonly seed: number;
  readonly lengthBytes: number;
  readonly pieceBytes?: number;
  readonly originBytesPerSecond: number;
  /** One number for each seed: what it can send. */
  readonly seedsBytesPerSecond: readonly number[];
  readonly hosts: readonly HostPlan[];
  readonly latencyMs: number;
  readonly jitterMs: number;
  readonly pieceCpuMs?: number;
  readonly stepMs?: number;
  readonly tune?: Readonly<Record<string, number>>;
}

export class Cluster {
  readonly plan: ClusterPlan;
  readonly agenda: Agenda;
  readonly chance: Chance;
  readonly pieceBytes: number;
  readonly pieces: number;
  readonly hosts: Host[] = [];
  readonly seeds: Seed[];
  readonly manager: Manager;
  readonly #senders = new Map<string, Sender>();
  finished = 0;

  constructor(plan: ClusterPlan) {
    this.plan = plan;
    this.agenda = new Agenda(plan.stepMs ?? 0.05);
    this.chance = new Chance(plan.seed);
    this.pieceBytes = plan.pieceBytes ?? choosePieceBytes(plan.lengthBytes, plan.hosts.length);
    this.pieces = pieceCount(plan.lengthBytes, this.pieceBytes);
    const tune = plan.tune ?? {};
    const shared = {
      agenda: this.agenda,
      pieces: this.pieces,
      pieceBytes: this.pieceBytes,
      lengthBytes: plan.lengthBytes,
      newsEveryMs: tune["news"] ?? 100,
    };
    const median = plan.hosts[plan.hosts.length >> 1]!.upBytesPerSecond;
    const slots = tune["slots"] ?? 8;
    this.seeds = plan.seedsBytesPerSecond.map(
      (upBytesPerSecond, number) =>
        new Seed({
          ...shared,
          id: `seed${number}`,
          upBytesPerSecond,
          slots: Math.max(4, Math.round((tune["seedSlots"] ?? 1) * (upBytesPerSecond / median))),
        }),
    );
    this.manager = new Manager({
      ...shared,
      chance: this.chance,
      originBytesPerSecond: plan.originBytesPerSecond,
      seeds: this.seeds,
      latencyMs: plan.latencyMs,
    });
    for (const seed of this.seeds) this.#senders.set(seed.id, seed);
    plan.hosts.forEach((host, number) => {
      const made = new Host({
        ...shared,
        chance: this.chance,
        id: `h${number}`,
        upBytesPerSecond: host.upBytesPerSecond,
        downBytesPerSecond: host.downBytesPerSecond,
        slots,
        latencyMs: plan.latencyMs,
        jitterMs: plan.jitterMs,
        reportEveryMs: tune["report"] ?? (plan.hosts.length > 1000 ? 2000 : 500),
        pieceCpuMs: plan.pieceCpuMs ?? 0,
        manager: this.manager,
        senderOf: (id) => this.#senders.get(id),
        onFinished: () => this.finished++,
      });
      made.lies = host.lies ?? false;
      this.hosts.push(made);
      this.#senders.set(made.id, made);
    });
  }

  run(untilMs: number): void {
    const starter = { on: (_code: number, host: unknown) => this.#start(host as Host) };
    this.hosts.forEach((host, number) => this.agenda.after(this.plan.hosts[number]!.startMs ?? 0, starter, 0, host));
    this.manager.start();
    this.agenda.run(untilMs, () => this.finished === this.hosts.length);
  }

  #start(host: Host): void {
    host.start();
    this.manager.join(host);
  }
}
