/** How long to wait after failures in a row: doubling, bounded, and never two processes in step. */

import { asDarnerError } from "#base/mod.ts";

export interface BackoffBounds {
  readonly firstMs: number;
  readonly maxMs: number;
}

/** `unit` is random in [0, 1). The other side's own "come back after" is kept to, within the bound. */
export function backoffMs(failures: number, bounds: BackoffBounds, unit: number, error?: unknown): number {
  const doubled = Math.min(bounds.maxMs, bounds.firstMs * 2 ** Math.min(failures - 1, 30));
  const retry = error === undefined ? "never" : asDarnerError(error).retry;
  const askedMs = typeof retry === "object" ? Math.min(retry.afterMs, bounds.maxMs) : 0;
  return Math.max(doubled * (0.5 + unit / 2), askedMs * (1 + unit / 4));
}
