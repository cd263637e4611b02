/**
 * Preheat orders, kept until they are long over. Managers fetch the open ones and say how far they are;
 * what they said last is what an operator hears. A credential that came with an order is kept in memory
 * alone: after a restart such an order fails with that reason instead of asking without it.
 */

import { asDarnerError, DarnerError } from "#base/mod.ts";
import { preheatState, type ManagerProgress, type PreheatOrder, type PreheatState } from "#core/image/mod.ts";
import type { Clock } from "#platform/machine/clock.ts";
import type { Log } from "#platform/telemetry/log.ts";
import type { ClusterState, SettingValue } from "#storage/cluster-state/mod.ts";

const openMax = 1000;
const keptMax = 2000;

export interface PreheatRecord {
  /** A whole number, as a text. */
  readonly id: string;
  readonly order: PreheatOrder;
  readonly createdAtMs: number;
  readonly updatedAtMs: number;
  readonly state: PreheatState;
  readonly message?: string;
  /** It came with a credential. */
  readonly private: boolean;
  /** Whoever gave it was on this machine. */
  readonly near: boolean;
  readonly managers: Readonly<Record<string, ManagerProgress>>;
}

export interface NewPreheat {
  readonly order: PreheatOrder;
  readonly authorization?: string;
  readonly near: boolean;
}

export interface PreheatsOptions {
  readonly clock: Clock;
  readonly log: Log;
  readonly store: ClusterState;
  /** Managers that hold a lease now. */
  readonly managers: () => readonly string[];
}

export class Preheats {
  readonly #options: PreheatsOptions;
  readonly #records = new Map<string, PreheatRecord>();
  readonly #credentials = new Map<string, string>();
  #nextId = 1;

  static async open(options: PreheatsOptions): Promise<Preheats> {
    const preheats = new Preheats(options);
    const stored = await options.store.records("preheat");
    const records = stored.map(({ value }) => value as unknown as PreheatRecord);
    for (const record of records.toSorted((a, b) => Number(a.id) - Number(b.id))) {
      preheats.#records.set(record.id, record);
      preheats.#nextId = Math.max(preheats.#nextId, Number(record.id) + 1);
      const lost = record.state === "open" && record.private;
      const message = "the config service began anew, and a credential is kept in memory alone; order it again";
      if (lost) await preheats.#put({ ...record, state: "failed", message });
    }
    return preheats;
  }

  private constructor(options: PreheatsOptions) {
    this.#options = options;
  }

  /** Stored when this resolves. Throws `cluster.refused` when too many are open. */
  async create({ order, authorization, near }: NewPreheat): Promise<PreheatRecord> {
    const open = this.all.filter(({ state }) => state === "open").length;
    if (open >= openMax)
      throw new DarnerError("cluster.refused", `cannot take another preheat order: ${openMax} are open`, {
        retry: { afterMs: 10_000 },
        facts: { httpStatus: 503 },
      });
    const id = String(this.#nextId++);
    const nowMs = this.#options.clock.wallMs();
    const times = { createdAtMs: nowMs, updatedAtMs: nowMs };
    const record: PreheatRecord = {
      id,
      order,
      ...times,
      state: "open",
      private: authorization !== undefined,
      near,
      managers: {},
    };
    await this.#put(record);
    if (authorization !== undefined) this.#credentials.set(id, authorization);
    await this.#forgetOldest();
    this.#options.log.info("preheat.ordered", { order: id });
    return record;
  }

  get all(): readonly PreheatRecord[] {
    return [...this.#records.values()];
  }

  /** Throws `cluster.refused`. */
  get(id: string): PreheatRecord {
    const record = this.#records.get(id);
    if (record === undefined)
      throw new DarnerError("cluster.refused", `there is no preheat order ${id.slice(0, 20)}`, {
        facts: { httpStatus: 404 },
      });
    return record;
  }

  /** What managers are to work off, with the credentials that came with it. */
  get work(): readonly { id: string; order: PreheatOrder; authorization?: string; near: boolean }[] {
    return this.all
      .filter(({ state }) => state === "open")
      .map(({ id, order, near }) => {
        const authorization = this.#credentials.get(id);
        return { id, order, near, ...(authorization === undefined ? {} : { authorization }) };
      });
  }

  async cancel(id: string): Promise<PreheatRecord> {
    const record = this.get(id);
    return record.state === "open" ? await this.#put({ ...record, state: "cancelled" }) : record;
  }

  /** A manager's word; nothing is heard of an order that is over. */
  async progress(id: string, manager: string, progress: ManagerProgress): Promise<void> {
    const record = this.get(id);
    if (record.state !== "open") return;
    const managers = { ...record.managers, [manager]: progress };
    const told = new Map(Object.entries(managers));
    const state = preheatState(this.#options.managers(), told);
    const message = [...told.values()].find((one) => one.message !== undefined)?.message;
    const next = { ...record, managers, state, ...(message === undefined ? {} : { message }) };
    // On the way, what was said is as good in memory: it is said again.
    if (state === "open") this.#records.set(id, { ...next, updatedAtMs: this.#options.clock.wallMs() });
    else await this.#put(next);
  }

  async #put(record: PreheatRecord): Promise<PreheatRecord> {
    const next = { ...record, updatedAtMs: this.#options.clock.wallMs() };
    const value = next as unknown as SettingValue;
    await this.#options.store.putRecords({ kind: "preheat", id: next.id, value });
    this.#records.set(next.id, next);
    if (next.state !== "open") this.#credentials.delete(next.id);
    return next;
  }

  async #forgetOldest(): Promise<void> {
    for (const { id, state } of this.all) {
      if (this.#records.size <= keptMax) return;
      if (state === "open") continue;
      try {
        await this.#options.store.deleteRecord("preheat", id);
      } catch (error) {
        // The order is taken all the same; the next one tries again.
        return this.#options.log.warn("preheat.not-forgotten", { order: id, error: asDarnerError(error).message });
      }
      this.#records.delete(id);
    }
  }
}
