/** The clusters in which everything goes wrong, one for each seed, told as they are played. */

import { replayCommand, runInvariants } from "../invariants.ts";

export interface Played {
  readonly seeds: number;
  readonly broken: readonly { readonly seed: number; readonly message: string }[];
}

/** A line is told after so many seeds. */
const toldEvery = 50;
/** After this many broken seeds, more would tell nothing new. */
const brokenMax = 20;

export function playInvariants(
  seeds: readonly number[],
  options: { readonly hosts?: number; readonly trace: boolean },
  tell: (line: string) => void,
): Played {
  const { hosts, trace } = options;
  tell(
    `invariants: ${hosts ?? 60} hosts x 64 pieces, every fault, every checker on; ${seeds.length} seeds from ${seeds[0]}`,
  );
  const broken: { seed: number; message: string }[] = [];
  let played = 0;
  let events = 0;
  let faults = 0;
  for (const seed of seeds) {
    const result = runInvariants(seed, {
      ...(hosts === undefined ? {} : { hosts }),
      ...(trace ? { trace: tell } : {}),
    });
    played++;
    events += result.events;
    faults += result.faults;
    if (!result.ok) {
      broken.push({ seed, message: result.message ?? "no reason told" });
      const size = hosts === undefined ? "" : ` --hosts ${hosts}`;
      tell(`BROKEN seed ${seed}: ${result.message}`);
      tell(`replay seed ${seed}: ${replayCommand(seed)}${size}`);
    }
    if (played % toldEvery === 0) tell(`  ${played} seeds, ${broken.length} broken`);
    if (broken.length === brokenMax) break;
  }
  tell(`${played} seeds played, ${broken.length} broken; ${faults} faults, ${(events / 1e6).toFixed(1)} M events`);
  return { seeds: played, broken };
}
