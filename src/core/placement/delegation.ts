/**
 * Who serves a host for a task that more hosts want than one manager serves. Such a task is shed: who comes
 * beyond that is served by the manager that it is at home with, which gets the object from the task's owner as
 * any host does and feeds its own hosts as a swarm of its own. Homes are spread evenly and by site already, so
 * nobody keeps books of who is where, and a host has its connection.
 *
 * The home says so first (`helpsAtOnce`): it sees its share of the crowd, and lets no more than its share of
 * what the owner serves go on to the owner, who thus hears of a few of a hundred thousand. The owner sends on
 * who comes all the same (`isDelegated`), where homes are uneven. It never sends on who is at home with it:
 * nobody is sent twice.
 */

import type { ManagerEntry } from "./manager.ts";

type Colleague = Pick<ManagerEntry, "id" | "health" | "near">;

export interface DelegationQuestion {
  /** Hosts that have the task here. */
  readonly hosts: number;
  /** What this manager serves of one task before it sends hosts away. */
  readonly hostsMax: number;
  readonly own: string;
  /** The manager that the host is connected to besides; undefined when it has none, or would stay. */
  readonly home: string | undefined;
  readonly managers: readonly Colleague[];
}

export function isDelegated({ hosts, hostsMax, own, home, managers }: DelegationQuestion): boolean {
  if (home === undefined || home === own || hosts < hostsMax) return false;
  return managers.some(({ id, health }) => id === home && health !== "draining");
}

export interface HelpQuestion {
  /** Hosts at home here that came for the task of late: those that have it here, and those that were let go on. */
  readonly hosts: number;
  readonly hostsMax: number;
  readonly own: string;
  readonly managers: readonly Colleague[];
}

/** Whether one more of this manager's own hosts has the task here, and not of its owner. */
export function helpsAtOnce({ hosts, hostsMax, own, managers }: HelpQuestion): boolean {
  const me = managers.find(({ id }) => id === own);
  if (me === undefined || me.health === "draining") return false;
  // Each site has an owner of its own, whom its managers share.
  const sharing = managers.filter(({ health, near }) => health !== "draining" && near === me.near);
  return sharing.length > 1 && hosts >= hostsMax / sharing.length;
}
