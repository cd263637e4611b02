/** How a fetch from the origin takes a failure: how long it waits, and what it says when it is told to stop. */

import { asDarnerError, DarnerError } from "#base/mod.ts";
import { shown } from "./origin-answer.ts";

const backoffMs = { first: 250, max: 10_000 } as const;

/** The pause after so many failures in a row; `unit` in [0, 1) scatters it. */
export function pauseMs(failuresInRow: number, error: DarnerError, unit: number): number {
  const doubled = Math.min(backoffMs.max, backoffMs.first * 2 ** (failuresInRow - 1));
  const scattered = doubled * (0.5 + unit);
  return typeof error.retry === "object" ? Math.max(scattered, error.retry.afterMs) : scattered;
}

/** What ends the fetch: the reason why it was stopped, if it was. */
export function asFailure(error: unknown, signal: AbortSignal, url: string): DarnerError {
  if (!signal.aborted) return asDarnerError(error);
  const { reason } = signal as { reason: unknown };
  if (reason instanceof DarnerError) return reason;
  return new DarnerError("interrupted", `stopped getting ${shown(url)}; what came is kept for the next run`);
}

export function changedTwice(url: string): DarnerError {
  const says = "it changed at the origin twice during the transfer; try again when it is at rest";
  return new DarnerError("origin.changed", `cannot finish ${shown(url)}: ${says}`);
}
