/**
 * How far managers are from a host, as its kernel measures them on the connections that it has anyway: to
 * its home and to the owners of its tasks. The config service's order (`NearestManagers`) gives a host its
 * first home; this names one that is clearly nearer.
 *
 * The site and health come first, as in that order; a round trip comes before what is left of it (load in
 * bands, the address's score), except that nobody moves to who is overloaded. At half the round trip and a
 * millisecond less is "clearly": who moved does not move back, since what it left is twice as far.
 */

import { loadBand } from "./load.ts";
import { managersMax, type ManagerEntry } from "./manager.ts";

const nearerFactor = 2;
const nearerMsMin = 1;

export class RoundTrips {
  /** By the manager's id; the oldest measure first. */
  readonly #ms = new Map<string, number>();

  measured(manager: string, ms: number): void {
    this.#ms.delete(manager);
    this.#ms.set(manager, ms);
    for (const oldest of this.#ms.keys()) {
      if (this.#ms.size <= managersMax) return;
      this.#ms.delete(oldest);
    }
  }

  /** The nearest of `managers` that is so much nearer than `home` that it is to be the home instead. */
  nearerThan(home: ManagerEntry, managers: readonly ManagerEntry[]): ManagerEntry | undefined {
    const homeMs = this.#ms.get(home.id);
    if (homeMs === undefined) return undefined;
    let nearest: ManagerEntry | undefined;
    let nearestMs = Math.min(homeMs / nearerFactor, homeMs - nearerMsMin);
    for (const manager of managers) {
      const ms = this.#ms.get(manager.id);
      if (ms === undefined || ms > nearestMs || !mayReplace(home, manager)) continue;
      nearest = manager;
      nearestMs = ms;
    }
    return nearest;
  }
}

function mayReplace(home: ManagerEntry, manager: ManagerEntry): boolean {
  if (manager.health !== "up" || (home.near === true && manager.near !== true)) return false;
  return loadBand(manager.load) < 2 || loadBand(home.load) === 2;
}
