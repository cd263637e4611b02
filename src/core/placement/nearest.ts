/**
 * Who serves whom: the managers nearest to a host, and the managers of a task in the order of their
 * right to it. Everybody who holds the same list and asks the same question gets the same answer.
 */

import { loadBand } from "./load.ts";
import type { ManagerEntry, ManagerHealth } from "./manager.ts";
import { rankByScore } from "./score.ts";
import { siteOf, type SiteRange } from "./site.ts";

export interface HostPlace {
  /** The site that the host names; absent, its address decides. */
  readonly site?: string | undefined;
  readonly address: string;
}

const healthRank: Readonly<Record<ManagerHealth, number>> = { up: 0, late: 1, draining: 2 };

/**
 * All managers in the order in which the host should try them: its own site first, then the healthy,
 * then the less loaded (in coarse bands, or every host would run to the one that is idle this second),
 * then by a score of the host's address, which spreads the hosts evenly.
 */
export function nearestManagers(question: {
  readonly host: HostPlace;
  readonly managers: readonly ManagerEntry[];
  readonly ranges: readonly SiteRange[];
}): ManagerEntry[] {
  const { host, managers, ranges } = question;
  const hostSite = siteOf(host, ranges);
  const rankOf = (manager: ManagerEntry): readonly number[] => [
    hostSite !== undefined && siteOf(manager, ranges) === hostSite ? 0 : 1,
    healthRank[manager.health],
    loadBand(manager.load),
  ];
  return rankByScore(host.address, managers)
    .map((manager) => ({ manager, rank: rankOf(manager) }))
    .sort((a, b) => compareRanks(a.rank, b.rank))
    .map(({ manager, rank }) => (rank[0] === 0 ? { ...manager, near: true } : manager));
}

/**
 * The managers of a task, its owner first and then whom a new owner asks before the origin. Load and a
 * late renewal change nothing, lest ownership wander; a manager that drains comes behind the others.
 */
export function ownerOfTask(taskId: string, managers: readonly ManagerEntry[]): ManagerEntry[] {
  const ranked = rankByScore(taskId, managers);
  return [
    ...ranked.filter((manager) => manager.health !== "draining"),
    ...ranked.filter((manager) => manager.health === "draining"),
  ];
}

/**
 * The managers that a host asks for a task, the best first: those of its own site, by their right to the
 * task, then the others. Each site thus has an owner of its own, who asks the owner of them all.
 */
export function managersOfTask(taskId: string, managers: readonly ManagerEntry[]): ManagerEntry[] {
  const ranked = ownerOfTask(taskId, managers);
  return [...ranked.filter(({ near }) => near === true), ...ranked.filter(({ near }) => near !== true)];
}

function compareRanks(a: readonly number[], b: readonly number[]): number {
  for (const [index, value] of a.entries()) if (value !== b[index]) return value - b[index]!;
  return 0;
}
