/** How long a parent is waited for. */

import type { Parent } from "./parent.ts";

/** A parent that says nothing for this long is given up; parents speak at least every 2 s. */
const silenceMsMax = 6_000;
/** A parent that was dialled and has not opened the task by then is given up; a dial itself has 5 s. */
const openMsMax = 10_000;
/** A begun piece that brings no byte for this long is given up. */
const stallMsMax = 5_000;

/** Why the parent is given up; undefined while there is hope. */
export function lostPatience(parent: Parent, nowMs: number): string | undefined {
  const silentMs = nowMs - parent.heardMs;
  const said = whatItDoes(parent, silentMs);
  return said === undefined ? undefined : `${said} for ${Math.round(silentMs)} ms`;
}

function whatItDoes(parent: Parent, silentMs: number): string | undefined {
  if (parent.state === "dialling") return silentMs > openMsMax ? "it did not answer" : undefined;
  if (parent.state !== "open") return undefined;
  if (silentMs > silenceMsMax) return "it said nothing";
  return parent.started !== undefined && silentMs > stallMsMax ? "it stopped in the middle of a piece" : undefined;
}
