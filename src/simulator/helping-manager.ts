/**
 * A manager that helps the owner of a task: a host of the owner's swarm, and the seed of a swarm of its own
 * (services/cluster-manager/colleagues/borrowing.ts does the same). What it gets it lists and seeds at once.
 */

import { Host } from "./host.ts";
import type { Manager } from "./manager.ts";

export class Helper extends Host {
  /** The manager whose hosts it seeds. */
  manager: Manager | undefined;

  /** One of its own: the owner feeds its group like a site (services/cluster-manager/colleagues/borrowing.ts). */
  override get site(): string {
    return this.id;
  }

  override gained(index: number): void {
    super.gained(index);
    this.manager?.gained(index);
  }

  protected override get isSeedThatFetches(): boolean {
    return this.finishedMs === undefined;
  }
}
