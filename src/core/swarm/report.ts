/** What a swarm's manager hears of a host, and what it tells it. */

import type { EntryShare, ParentOffer } from "#core/protocol/mod.ts";

export interface SwarmChange {
  readonly host: string;
  readonly parents: readonly ParentOffer[];
  /** What of the object enters the host's site through it. */
  readonly entry?: EntryShare;
}

export interface SwarmReport {
  readonly news: readonly number[];
  readonly starving: boolean;
  /** Pieces are on their way to it from other sites that are not to enter by it any more. */
  readonly crossing?: boolean | undefined;
  readonly seeding: boolean;
  readonly upBytesPerSecond: number;
  readonly downBytesPerSecond: number;
  /** What came from other sites in all. */
  readonly crossedBytes?: number | undefined;
}
