/**
 * How fast a host's line is beside another's, as learned from the pace at which its pieces come, and what of a
 * parent's line its children take.
 *
 * What a host sends is not asked: whoever is asked for little sends little. So a line is taken to carry as much up
 * as down; where that is not so, hosts are told apart by their downlinks alone, as if all uplinks were alike.
 */

import type { Member } from "./members.ts";

/** Reports of so long a time weigh as much as all before them: some pieces more or less in one are chance. */
const rememberedMs = 2_000;
/** Nothing is known before: the first pieces come as there are some, not as lines carry them. */
const knownMs = 1_000;
/** Lines that differ by less are alike, so that in a crowd of equal hosts no difference is learned from chance. */
const alikeMax = 1.5;

export class LearnedLine {
  #learnedMs = 0;
  #perMs = 0;

  /** So many pieces came in `forMs`. */
  learn(pieces: number, forMs: number): void {
    if (forMs <= 0) return;
    this.#learnedMs += forMs;
    const weight = forMs / Math.min(this.#learnedMs, forMs + rememberedMs);
    this.#perMs += weight * (pieces / forMs - this.#perMs);
  }

  /** 0 while it is not known. */
  get piecesPerMs(): number {
    return this.#learnedMs < knownMs ? 0 : this.#perMs;
  }
}

/** How many times as fast the one's line is as the other's; 1 where they are alike, or not known. */
export function timesAsFast(one: Member, other: Member): number {
  const times = one.line.piecesPerMs / other.line.piecesPerMs;
  const differ = times > alikeMax || times < 1 / alikeMax;
  return differ && times > 0 && times < Infinity ? times : 1;
}

/**
 * What its children's lines could take of the parent's, in lines: eight hosts as fast as itself load it with
 * eight, and so do four that are twice as fast.
 */
export function loadOf(parent: Member): number {
  let load = 0;
  for (const child of parent.children) load += timesAsFast(child, parent);
  return load;
}
