/**
 * The cluster as the config service knows it: settings, and managers with their leases.
 *
 * 1. A setting is told to anybody only once the store has it.
 * 2. The managers' list is told at once and stored as last known; when the store fails, hosts go on
 *    being told, and the next change tries again.
 * 3. After a restart both are as they were, with fresh leases; and when this process stood still (a
 *    paused machine), its managers are not taken for dead.
 */

import { asDarnerError, DarnerError } from "#base/mod.ts";
import { ManagerLeases, managersMax, readSiteRanges, siteRangesKey } from "#core/placement/mod.ts";
import type { ManagerFacts, ManagerList, SiteRange } from "#core/placement/mod.ts";
import type { Clock, Timer } from "#platform/machine/clock.ts";
import type { Log } from "#platform/telemetry/log.ts";
import type { ClusterState, SettingsRecord, SettingValue } from "#storage/cluster-state/mod.ts";
import { ToldList } from "./told-list.ts";

/** A timer that comes later than by this share of a lease means that the process stood still. */
const standstillShare = 0.1;

export interface ClusterViewOptions {
  readonly clock: Clock;
  readonly log: Log;
  readonly store: ClusterState;
  readonly leaseMs: number;
  /** The list has a new version. */
  onList(): void;
  onSettings(): void;
  onStoreFailed(): void;
}

export class ClusterView {
  readonly #options: ClusterViewOptions;
  readonly #leases: ManagerLeases;
  #settings: SettingsRecord;
  #ranges: readonly SiteRange[] = [];
  #told: ToldList | undefined;
  #timer: Timer | undefined;
  #keeping: Promise<void> | undefined;
  #keptVersion: number;
  #closed = false;

  /** Reads what is stored; rejects with the store's error. */
  static async open(options: ClusterViewOptions): Promise<ClusterView> {
    const [settings, list] = await Promise.all([options.store.settings(), options.store.managers()]);
    return new ClusterView(options, settings, list);
  }

  private constructor(options: ClusterViewOptions, settings: SettingsRecord, list: ManagerList) {
    const { clock, leaseMs } = options;
    this.#options = options;
    this.#settings = settings;
    this.#leases = new ManagerLeases({ leaseMs, managersMax, list, nowMs: clock.nowMs() });
    this.#keptVersion = list.version;
    this.#readRanges();
    this.#arm();
  }

  get settings(): SettingsRecord {
    return this.#settings;
  }

  get list(): ManagerList {
    return this.#leases.list;
  }

  /** The list as it is told. */
  get told(): ToldList {
    this.#told ??= new ToldList(this.#leases.list, this.#ranges);
    return this.#told;
  }

  /** Throws `cluster.refused` when there is no room for one more. */
  register(facts: ManagerFacts): void {
    const outcome = this.#leases.register(facts, this.#options.clock.nowMs());
    if (outcome === "full") {
      const why = `the cluster has ${managersMax} managers already; stop one first`;
      throw new DarnerError("cluster.refused", `cannot register the manager ${facts.id}: ${why}`, {
        facts: { httpStatus: 409 },
      });
    }
    this.#arm();
    if (outcome === "renewed") return;
    this.#options.log.info("config.manager-registered", { id: facts.id, url: facts.url, outcome });
    this.#listChanged();
  }

  leave(id: string): void {
    if (!this.#leases.leave(id)) return;
    this.#options.log.info("config.manager-left", { id });
    this.#arm();
    this.#listChanged();
  }

  async putSetting(key: string, value: SettingValue): Promise<void> {
    this.#takeSettings(await this.#options.store.putSetting(key, value), key);
  }

  async deleteSetting(key: string): Promise<void> {
    this.#takeSettings(await this.#options.store.deleteSetting(key), key);
  }

  /** Ends the timers and waits for what is being stored. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#timer?.cancel();
    await this.#keeping;
  }

  #takeSettings(settings: SettingsRecord, key: string): void {
    if (settings.version <= this.#settings.version) return;
    this.#settings = settings;
    this.#options.log.info("config.setting-changed", { key, version: settings.version });
    this.#options.onSettings();
    if (key !== siteRangesKey) return;
    this.#readRanges();
    this.#leases.reordered();
    this.#listChanged();
  }

  #readRanges(): void {
    const read = readSiteRanges(this.#settings.settings[siteRangesKey] ?? "");
    if (read.kind === "wrong") this.#options.log.warn("config.site-ranges-unreadable", { why: read.why });
    this.#ranges = read.kind === "read" ? read.ranges : [];
  }

  /** One timer, for the lease that is due first. */
  #arm(): void {
    this.#timer?.cancel();
    const dueMs = this.#leases.nextDueMs();
    if (dueMs === undefined || this.#closed) return;
    const { clock } = this.#options;
    this.#timer = clock.after(Math.max(1, dueMs - clock.nowMs()), () => this.#expire(dueMs), { background: true });
  }

  #expire(dueMs: number): void {
    const { version } = this.#leases.list;
    const nowMs = this.#options.clock.nowMs();
    if (nowMs - dueMs > this.#leases.leaseMs * standstillShare) this.#leases.stoodStill(nowMs - dueMs);
    for (const id of this.#leases.expire(nowMs)) {
      this.#options.log.warn("config.manager-lost", { id, leaseMs: this.#leases.leaseMs });
    }
    this.#arm();
    if (this.#leases.list.version !== version) this.#listChanged();
  }

  #listChanged(): void {
    this.#told = undefined;
    this.#options.onList();
    this.#keeping ??= this.#keep().finally(() => (this.#keeping = undefined));
  }

  /** Stores the newest list until it is the newest; one write at a time, so changes meanwhile coalesce. */
  async #keep(): Promise<void> {
    while (this.#keptVersion < this.#leases.list.version) {
      const { list } = this.#leases;
      try {
        await this.#options.store.keepManagers(list);
        this.#keptVersion = list.version;
      } catch (error) {
        this.#options.log.warn("config.managers-not-stored", { error: asDarnerError(error).message });
        this.#options.onStoreFailed();
        return;
      }
    }
  }
}
