/** How many hosts have each task at this manager, counted from when they ask, and who is sent to another one. */

import type { ManagerDirectory } from "#cluster/mod.ts";
import { isDelegated } from "#core/placement/mod.ts";

export interface CrowdsOptions {
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
  /** Asks that were sent to other managers. */
  delegated = 0;

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
}
