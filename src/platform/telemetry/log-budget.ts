/** How many lines of one kind a log takes in a second, so that whoever is refused cannot fill a disk. */

import type { Clock } from "../machine/clock.ts";

/** Asked before each line: whether it may be written. */
export function logBudget(clock: Pick<Clock, "nowMs">, linesPerSecond: number): () => boolean {
  let second = -1;
  let written = 0;
  return () => {
    const now = Math.floor(clock.nowMs() / 1000);
    if (now !== second) [second, written] = [now, 0];
    return written++ < linesPerSecond;
  };
}
