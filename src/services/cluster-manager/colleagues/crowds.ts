/** How many hosts have each task at this manager, counted from when they ask, and who has it of another one. */

import type { ManagerDirectory } from "#cluster/mod.ts";
import { helpsAtOnce, isDelegated } from "#core/placement/mod.ts";
import type { Clock } from "#platform/machine/clock.ts";

/** A host that was let go on to a task's owner is counted for so long: a crowd comes within. */
const letGoMs = 60_000;
/** Tasks whose hosts are counted so; of more, the oldest count is forgotten. */
const letGoTasksMax = 4096;

export interface CrowdsOptions {
  readonly clock: Clock;
  /** This manager's id. */
  readonly own: string;
  /** Hosts of one task that it serves before it sends others to their own managers. */
  readonly hostsMax: () => number;
  /** Every manager of the cluster; absent where no config service tells them. */
  readonly managers?: Pick<ManagerDirectory, "current"> | undefined;
}

export class Crowds {
  readonly #options: CrowdsOptions;
  readonly #hosts = new Map<string, number>();
  /** Hosts at home here that were let go on to a task's owner, since a time. */
  readonly #letGo = new Map<string, { readonly sinceMs: number; hosts: number }>();
  /** Asks that were sent to other managers. */
  delegated = 0;
  /** Hosts at home here that were told to have another manager's task here. */
  helped = 0;

  constructor(options: CrowdsOptions) {
    this.#options = options;
  }

  size(task: string): number {
    return this.#hosts.get(task) ?? 0;
  }

  joined(task: string): void {
    this.#hosts.set(task, this.size(task) + 1);
  }

  left(task: string): void {
    const hosts = this.size(task) - 1;
    if (hosts > 0) this.#hosts.set(task, hosts);
    else this.#hosts.delete(task);
  }

  /** Whether a host that is at home with that manager is to ask it for the task; it counts as sent. */
  delegates(task: string, home: string | undefined): boolean {
    const { own, hostsMax, managers } = this.#options;
    const known = managers?.current() ?? [];
    const isSent = isDelegated({ hosts: this.size(task), hostsMax: hostsMax(), own, home, managers: known });
    if (isSent) this.delegated++;
    return isSent;
  }

  /** Whether a host that is at home here is to have another manager's task here; else it counts as let go. */
  helps(task: string): boolean {
    const { own, hostsMax, managers } = this.#options;
    const letGo = this.#letGoOf(task);
    const hosts = this.size(task) + letGo.hosts;
    const helps = helpsAtOnce({ hosts, hostsMax: hostsMax(), own, managers: managers?.current() ?? [] });
    if (helps) this.helped++;
    else letGo.hosts++;
    return helps;
  }

  #letGoOf(task: string): { hosts: number } {
    const nowMs = this.#options.clock.nowMs();
    const known = this.#letGo.get(task);
    if (known !== undefined && nowMs - known.sinceMs < letGoMs) return known;
    const begun = { sinceMs: nowMs, hosts: 0 };
    this.#letGo.delete(task);
    this.#letGo.set(task, begun);
    for (const oldest of this.#letGo.keys()) {
      if (this.#letGo.size <= letGoTasksMax) break;
      this.#letGo.delete(oldest);
    }
    return begun;
  }
}
