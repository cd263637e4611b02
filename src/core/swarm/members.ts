/** The hosts of one swarm as their manager knows them: what each holds, how fast it is, whom it feeds. */

import type { Bitfield } from "#base/mod.ts";
import type { HostCard } from "#core/protocol/mod.ts";

export class Member {
  readonly card: HostCard;
  held: Bitfield;
  seeding = false;
  /** Hosts that were given this one as a parent. */
  readonly children = new Set<string>();
  parents = new Set<string>();
  renewedMs = -Infinity;
  upBytesPerSecond = 0;
  downBytesPerSecond = 0;
  /** Hosts that accused this one of wrong bytes. */
  readonly accusers = new Set<string>();

  constructor(card: HostCard, held: Bitfield) {
    this.card = card;
    this.held = held;
  }
}

/** Whether `from` holds anything that `to` lacks. */
export function hasNews(from: Bitfield, to: Bitfield): boolean {
  for (let index = 0; index < from.length; index++) if (from.has(index) && !to.has(index)) return true;
  return false;
}
