/**
 * What is asked of the seeds of another site first: what no host in any other site has. The line out of the
 * seeds' site is the one that all sites share; what has left it once comes from where it went, unless a seed
 * would have nothing to do.
 */

import type { Bitfield } from "#base/mod.ts";
import type { Parent } from "./parent.ts";

/** What the seed has and no open parent in another site. */
export function onlyAtSeed(seed: Parent, parents: Iterable<Parent>): Bitfield {
  const only = seed.has.clone();
  for (const parent of parents) if (isHostAcross(parent) && parent.state === "open") only.remove(parent.has);
  return only;
}

/** The seed that the piece stands with, though `parent` has it now and is a host in another site. */
export function seedToSpare(index: number, holder: Parent | undefined, parent: Parent): Parent | undefined {
  const stands = holder?.seed === true && holder.across && holder.standing.includes(index);
  return stands && isHostAcross(parent) ? holder : undefined;
}

function isHostAcross({ across, seed }: Parent): boolean {
  return across && !seed;
}
