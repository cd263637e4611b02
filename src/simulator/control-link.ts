/**
 * One control connection between a host and the cluster manager: what is said arrives in order. It ends
 * when either side's process does, when the network breaks it, or when one side has heard nothing for
 * as long as the product's links wait; a silent link delivers late, if it is still there.
 */

import type { Bitfield } from "#base/mod.ts";
import type { SwarmChange, SwarmReport } from "#core/swarm/mod.ts";
import type { Actor, Agenda } from "./agenda.ts";
import type { Host } from "./host.ts";
import type { Manager } from "./manager.ts";
import { managerPlace, type Network } from "./network.ts";

const toHost = { listed: 0, ended: 1, parents: 2, welcome: 3, closed: 4, delegated: 5, helps: 6 } as const;
const toManager = { hello: 10, ask: 11, report: 12, accuse: 13, closed: 14, enquire: 15 } as const;
const unansweredCode = 20;
const hostLooksCode = 21;
const managerLooksCode = 22;
const nearlyMs = 1e-3;
const dialMsMax = 3_000;
/** A side that heard nothing for so long ends the link; it looks this often. */
const silenceMsMax = 8_000;
const lookEveryMs = 2_500;

export class ControlLink implements Actor {
  readonly host: Host;
  readonly #manager: Manager;
  readonly #agenda: Agenda;
  readonly #network: Network;
  /** Whether each end is in use. */
  openAtHost = true;
  openAtManager = false;
  /** The manager's life that it is connected with. */
  #managerLife = 0;
  /** The manager has said welcome: the host may speak. */
  welcomed = false;
  silentUntilMs = 0;
  /** How many lines of the manifest the host was told. */
  linesTold = 0;
  #lastToHostMs = 0;
  #lastToManagerMs = 0;

  constructor(agenda: Agenda, network: Network, host: Host, manager: Manager) {
    this.#agenda = agenda;
    this.#network = network;
    this.host = host;
    this.#manager = manager;
  }

  get silent(): boolean {
    return this.silentUntilMs > this.#agenda.nowMs + nearlyMs;
  }

  /** The link stood before the download began. */
  established(unit: () => number): void {
    this.welcomed = true;
    this.openAtManager = true;
    this.#managerLife = this.#manager.life;
    this.fallSilent(this.#network.partedUntilMs(this.host.place, managerPlace, this.#agenda.nowMs), unit);
  }

  /** TCP's handshake, the upgrade, and hello. */
  dial(): void {
    const { nowMs } = this.#agenda;
    this.silentUntilMs = this.#network.partedUntilMs(this.host.place, managerPlace, nowMs);
    this.#agenda.after(dialMsMax, this, unansweredCode);
    if (this.silentUntilMs <= nowMs + dialMsMax)
      this.#say(4 * this.#network.latencyMs(this.host.place, managerPlace), toManager.hello);
  }

  ask(holds: Bitfield): void {
    this.#say(0, toManager.ask, holds);
  }

  /** Does this manager, which the host is at home with, help with the task? */
  enquire(): void {
    this.#say(0, toManager.enquire);
  }

  report(report: SwarmReport): void {
    this.#say(0, toManager.report, report);
  }

  accuse(parent: string): void {
    this.#say(0, toManager.accuse, parent);
  }

  /** The host's process ends it, or has died. */
  closeAtHost(): void {
    this.openAtHost = false;
    this.#say(0, toManager.closed);
  }

  listed(indices: readonly number[]): void {
    this.#tell(toHost.listed, indices);
  }

  ended(pieces: number): void {
    this.#tell(toHost.ended, pieces);
  }

  parents(change: SwarmChange): void {
    this.#tell(toHost.parents, change);
  }

  welcome(): void {
    this.#tell(toHost.welcome);
  }

  /** The host is to ask its own manager. */
  delegated(): void {
    this.#tell(toHost.delegated);
  }

  helps(helps: boolean): void {
    this.#tell(toHost.helps, helps);
  }

  closeAtManager(): void {
    this.openAtManager = false;
    this.#tell(toHost.closed);
  }

  /** The network breaks it: both ends hear. */
  break(): void {
    this.#tell(toHost.closed);
    this.#say(0, toManager.closed);
  }

  /** Nothing comes through until then; each end gives up when that is too long. `unit` gives [0, 1). */
  fallSilent(untilMs: number, unit: () => number): void {
    if (untilMs <= this.silentUntilMs) return;
    this.silentUntilMs = untilMs;
    this.#agenda.after(silenceMsMax + unit() * lookEveryMs, this, hostLooksCode);
    this.#agenda.after(silenceMsMax + unit() * lookEveryMs, this, managerLooksCode);
  }

  /** The host's process stands still: the manager hears nothing of it. */
  hostStandsStill(unit: () => number): void {
    this.#agenda.after(silenceMsMax + unit() * lookEveryMs, this, managerLooksCode);
  }

  #say(delayMs: number, code: number, argument?: unknown): void {
    if (this.silentUntilMs === Infinity) return;
    const { nowMs } = this.#agenda;
    const leavesMs = Math.max(nowMs, this.silentUntilMs) + delayMs;
    this.#lastToManagerMs = Math.max(this.#lastToManagerMs, leavesMs + this.#oneWayMs());
    this.#agenda.after(this.#lastToManagerMs - nowMs, this, code, argument);
  }

  #tell(code: number, argument?: unknown): void {
    this.#manager.messages++;
    if (this.silentUntilMs === Infinity) return;
    const { nowMs } = this.#agenda;
    const leavesMs = Math.max(nowMs, this.silentUntilMs);
    this.#lastToHostMs = Math.max(this.#lastToHostMs, leavesMs + this.#oneWayMs());
    this.#agenda.after(this.#lastToHostMs - nowMs, this, code, argument);
  }

  #oneWayMs(): number {
    return this.#network.oneWayMs(this.host.place, managerPlace);
  }

  on(code: number, argument: unknown): void {
    if (code >= unansweredCode) return this.#look(code);
    if (this.silent) {
      if (this.silentUntilMs < Infinity)
        this.#agenda.after(this.silentUntilMs - this.#agenda.nowMs, this, code, argument);
    } else if (code >= toManager.hello) this.#atManager(code, argument);
    else if (this.host.paused) this.host.later(this, code, argument);
    else if (this.openAtHost) this.#atHost(code, argument);
  }

  #look(code: number): void {
    const { host } = this;
    if (code === managerLooksCode) {
      if (!this.openAtManager || !(this.silent || host.paused)) return;
      this.#manager.lost(this);
      return this.closeAtManager();
    }
    if (host.paused) return host.later(this, code, undefined);
    const isOver = code === unansweredCode ? !this.welcomed : this.silent;
    if (!this.openAtHost || !isOver) return;
    this.closeAtHost();
    host.controlLost(this);
  }

  #atManager(code: number, argument: unknown): void {
    const manager = this.#manager;
    manager.messages++;
    if (code === toManager.hello) {
      manager.greetings++;
      if (manager.down) return this.closeAtManager();
      this.openAtManager = true;
      this.#managerLife = manager.life;
      return this.welcome();
    }
    if (!this.openAtManager) return;
    if (manager.life !== this.#managerLife) return this.closeAtManager();
    switch (code) {
      case toManager.ask:
        return manager.join(this, argument as Bitfield);
      case toManager.report:
        return manager.report(this, argument as SwarmReport);
      case toManager.accuse:
        return manager.accuse(this, argument as string);
      case toManager.enquire:
        return manager.enquired(this);
      case toManager.closed:
        this.openAtManager = false;
        return manager.lost(this);
    }
  }

  #atHost(code: number, argument: unknown): void {
    const { host } = this;
    switch (code) {
      case toHost.listed:
        return host.step({ kind: "listed", indices: argument as readonly number[] });
      case toHost.ended:
        return host.ended(argument as number);
      case toHost.parents:
        return host.given(argument as SwarmChange);
      case toHost.welcome:
        this.welcomed = true;
        return host.welcomed(this);
      case toHost.helps:
        return host.told(this, argument as boolean);
      case toHost.delegated:
        return host.delegated(this);
      case toHost.closed:
        this.openAtHost = false;
        return host.controlLost(this);
    }
  }
}
