/**
 * Whether a manager sends a host elsewhere for a task. One that more hosts want than a manager serves is
 * shed: who comes beyond that is sent to the manager that it is at home with, which gets the object from
 * the task's owner as any host does and feeds its own hosts as a swarm of its own. Homes are spread evenly
 * and by site already, so nobody keeps books of who is where, and a host that is sent has its connection.
 *
 * A manager never sends a host on that is at home with it: nobody is sent twice.
 */

import type { ManagerEntry } from "./manager.ts";

export interface DelegationQuestion {
  /** Hosts that have the task here. */
  readonly hosts: number;
  /** What this manager serves of one task before it sends hosts away. */
  readonly hostsMax: number;
  readonly own: string;
  /** The manager that the host is connected to besides; undefined when it has none, or would stay. */
  readonly home: string | undefined;
  readonly managers: readonly Pick<ManagerEntry, "id" | "health">[];
}

export function isDelegated({ hosts, hostsMax, own, home, managers }: DelegationQuestion): boolean {
  if (home === undefined || home === own || hosts < hostsMax) return false;
  return managers.some(({ id, health }) => id === home && health !== "draining");
}
