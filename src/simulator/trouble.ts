/** Makes planned faults happen to a cluster, each at its time, and ends them. */

import type { Actor } from "./agenda.ts";
import type { Cluster } from "./cluster.ts";
import type { Fault } from "./faults.ts";
import type { Host } from "./host.ts";
import { managerPlace } from "./network.ts";
import type { Wire } from "./wire.ts";

const beginsCode = 0;
const endsCode = 1;

export class Trouble implements Actor {
  readonly #cluster: Cluster;
  readonly #faults: readonly Fault[];

  constructor(cluster: Cluster, faults: readonly Fault[]) {
    this.#cluster = cluster;
    this.#faults = faults;
  }

  start(): void {
    const { agenda } = this.#cluster;
    for (const fault of this.#faults) {
      agenda.after(fault.atMs, this, beginsCode, fault);
      if ("forMs" in fault && fault.forMs !== undefined) agenda.after(fault.atMs + fault.forMs, this, endsCode, fault);
    }
  }

  on(code: number, argument: unknown): void {
    const fault = argument as Fault;
    const who = "host" in fault ? `h${fault.host}` : "cluster";
    const { watcher } = this.#cluster.plan;
    if (code === beginsCode) watcher?.note(who, `fault begins: ${JSON.stringify(fault)}`);
    else if ("forMs" in fault) watcher?.note(who, `fault ends: ${fault.kind}`);
    if ("host" in fault) this.#ofHost(code === beginsCode, fault, this.#cluster.hosts[fault.host]!);
    else this.#ofAll(code === beginsCode, fault);
  }

  #ofHost(begins: boolean, fault: Extract<Fault, { host: number }>, host: Host): void {
    const { agenda, chance, plan } = this.#cluster;
    switch (fault.kind) {
      case "crash":
        if (begins) return this.#crash(host, false, fault.forMs === undefined);
        return host.restart();
      case "power-cut":
        return this.#crash(host, true, true);
      case "pause":
        return begins ? host.pause() : host.resume();
      case "slow-lines":
        return host.setLines(begins ? fault.factor : 1);
      case "slow-processor":
        host.pieceCpuMs = begins ? fault.pieceMs : (plan.pieceCpuMs ?? 0);
        return;
      case "slow-disk":
        host.pieceDiskMs = begins ? fault.pieceMs : 0;
        return;
      case "skewed-clock":
        return host.clock.skew(begins ? fault.aheadMs : 0, begins ? fault.rate : 1);
      case "broken-connection":
        return this.#anyConnection(host)?.break();
      case "silent-connection":
        if (begins) this.#anyConnection(host)?.fallSilent(agenda.nowMs + fault.forMs);
        return;
      case "broken-control":
        return host.link?.break();
      case "silent-control":
        if (begins) host.link?.fallSilent(agenda.nowMs + fault.forMs, chance.unit);
    }
  }

  #ofAll(begins: boolean, fault: Exclude<Fault, { host: number }>): void {
    const { manager, network, plan } = this.#cluster;
    switch (fault.kind) {
      case "partition":
        if (begins) this.#part(new Set(fault.withManager ? [...fault.hosts, managerPlace] : fault.hosts), fault.forMs);
        return;
      case "jitter":
        network.jitterMs = begins ? fault.jitterMs : plan.jitterMs;
        return;
      case "skewed-manager-clock":
        return manager.clock.skew(begins ? fault.aheadMs : 0, begins ? fault.rate : 1);
      case "broken-crossing":
        return this.#anyCrossing()?.break();
      case "manager-restart":
        return begins ? manager.crash() : manager.restart();
      case "origin-cut":
        if (begins) manager.cutOrigin(fault.forMs);
    }
  }

  #crash(host: Host, gone: boolean, forGood: boolean): void {
    // A host that was lost for good is not lost again, nor does it come back.
    if (host.lost) return;
    host.crash(gone);
    if (!forGood) return;
    host.lost = true;
    this.#cluster.hostGone(host);
  }

  #anyConnection(host: Host): Wire | undefined {
    const wires = [...host.parents.values()];
    return wires[Math.floor(this.#cluster.chance.unit() * wires.length)];
  }

  #anyCrossing(): Wire | undefined {
    const wires = this.#cluster.hosts.flatMap((host) => [...host.parents.values()].filter((wire) => wire.carries));
    return wires[Math.floor(this.#cluster.chance.unit() * wires.length)];
  }

  #part(inside: ReadonlySet<number>, forMs: number): void {
    const { agenda, chance, hosts, network } = this.#cluster;
    const untilMs = agenda.nowMs + forMs;
    network.part(inside, agenda.nowMs, untilMs);
    for (const host of hosts) {
      for (const wire of host.parents.values())
        if (inside.has(host.place) !== inside.has(wire.parent.place)) wire.fallSilent(untilMs);
      if (inside.has(host.place) !== inside.has(managerPlace)) host.link?.fallSilent(untilMs, chance.unit);
    }
  }
}
