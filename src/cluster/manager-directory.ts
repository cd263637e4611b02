/**
 * The managers that a process knows, in the order in which to try them, whether a command line named
 * them or the config service tells of them.
 *
 * 1. A list once known is kept until a newer one comes. An empty one never replaces it: a config service
 *    that lost its state says so for a moment, and trying a manager that is gone costs little.
 * 2. A manager that failed is passed over for a while, unless all have failed: then the one whose
 *    failure is oldest is next.
 */

import { assert, DarnerError } from "#base/mod.ts";
import { managersMax, type ManagerEntry, type ManagerList } from "#core/placement/mod.ts";
import type { Clock } from "#platform/machine/clock.ts";
import { assertManagerUrlAllowed } from "./trust.ts";

export type ManagersListener = (managers: readonly ManagerEntry[]) => void;

export interface ManagerDirectory {
  /** Nearest first; empty while nothing is known. */
  current(): readonly ManagerEntry[];
  /** Calls `listener` for each new list, not for the present one. Returns what ends that. */
  onChange(listener: ManagersListener): () => void;
  /** Resolves once a manager is known, or after `waitMs` with what is known then. */
  whenKnown(waitMs: number): Promise<readonly ManagerEntry[]>;
  /** The first of `order` that has not failed of late, else the one whose failure is oldest. */
  pick(order: readonly ManagerEntry[]): ManagerEntry | undefined;
  /** It could not be reached, or was lost. */
  failed(manager: ManagerEntry): void;
  /** It answers. */
  answered(manager: ManagerEntry): void;
  stop(): void;
}

const passOverMs = 30_000;
const listenersMax = 64;

export class KnownManagers implements ManagerDirectory {
  readonly #clock: Clock;
  readonly #onStop: () => void;
  readonly #listeners = new Set<ManagersListener>();
  /** When a manager failed last, by its id and URL: one that moved is another. */
  #failedMs = new Map<string, number>();
  #managers: readonly ManagerEntry[] = [];

  constructor(clock: Clock, onStop: () => void = () => {}) {
    this.#clock = clock;
    this.#onStop = onStop;
  }

  current(): readonly ManagerEntry[] {
    return this.#managers;
  }

  take(list: Pick<ManagerList, "managers">): void {
    if (list.managers.length === 0) return;
    this.#managers = list.managers;
    const known = new Set(list.managers.map(failureKey));
    this.#failedMs = new Map([...this.#failedMs].filter(([key]) => known.has(key)));
    for (const listener of this.#listeners) listener(this.#managers);
  }

  onChange(listener: ManagersListener): () => void {
    assert(this.#listeners.size < listenersMax, "few listen to the list of managers");
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  whenKnown(waitMs: number): Promise<readonly ManagerEntry[]> {
    if (this.#managers.length > 0) return Promise.resolve(this.#managers);
    return new Promise((resolve) => {
      const finish = (): void => {
        timer.cancel();
        forget();
        resolve(this.#managers);
      };
      const timer = this.#clock.after(waitMs, finish, { background: true });
      const forget = this.onChange((managers) => {
        if (managers.length > 0) finish();
      });
    });
  }

  pick(order: readonly ManagerEntry[]): ManagerEntry | undefined {
    const nowMs = this.#clock.nowMs();
    let oldest: ManagerEntry | undefined;
    let oldestMs = Infinity;
    for (const manager of order) {
      const failedMs = this.#failedMs.get(failureKey(manager)) ?? -Infinity;
      if (nowMs - failedMs >= passOverMs) return manager;
      if (failedMs < oldestMs) [oldest, oldestMs] = [manager, failedMs];
    }
    return oldest;
  }

  failed(manager: ManagerEntry): void {
    const key = failureKey(manager);
    if (this.#managers.some((known) => failureKey(known) === key)) this.#failedMs.set(key, this.#clock.nowMs());
  }

  answered(manager: ManagerEntry): void {
    this.#failedMs.delete(failureKey(manager));
  }

  stop(): void {
    this.#onStop();
    this.#listeners.clear();
  }
}

/**
 * The managers that a command line names, in its order; a manager's id is its URL. Throws as
 * `assertManagerUrlAllowed` does, and `usage` when there are too many or none.
 */
export function staticManagers(urls: readonly string[], trust: boolean, clock: Clock): ManagerDirectory {
  const origins = new Set(urls.map((url) => assertManagerUrlAllowed(url, trust).origin));
  if (origins.size === 0 || origins.size > managersMax) {
    throw new DarnerError("usage", `cannot use ${origins.size} managers: --manager takes 1 to ${managersMax} URLs`);
  }
  const known = new KnownManagers(clock);
  const managers = [...origins].map((url): ManagerEntry => ({
    id: url,
    url,
    site: "",
    address: "",
    load: 0,
    version: "",
    health: "up",
  }));
  known.take({ managers });
  return known;
}

function failureKey(manager: ManagerEntry): string {
  return `${manager.id} ${manager.url}`;
}
