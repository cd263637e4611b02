/** What a row of the benchmark is: one figure of the data path beside what other programs need for the same. */

import type { Need } from "../swarm/needs.ts";
import type { Ground } from "./ground.ts";

export interface RowOptions {
  /** The object, in bytes. */
  readonly sizeBytes: number;
  readonly runs: number;
  /** The sparse object that is relayed, in bytes. */
  readonly relayBytes: number;
  readonly pieceBytes: number | undefined;
}

/** A ratio or figure beside what it should be. */
export interface Bar {
  readonly what: string;
  readonly value: number;
  readonly most?: number;
  readonly least?: number;
}

export interface RowResult {
  /** Medians, named with their units. */
  readonly figures: Readonly<Record<string, number>>;
  readonly bars: readonly Bar[];
  /** What each run gave, for the record. */
  readonly runs: Readonly<Record<string, readonly number[]>>;
}

export interface Row {
  readonly name: string;
  readonly help: string;
  readonly needs: readonly Need[];
  /** Makes network namespaces. */
  readonly root?: boolean;
  run(ground: Ground, options: RowOptions): Promise<RowResult>;
}
