/**
 * How long a download waits for its cluster before it goes to the origin, or gives up. Falling back
 * must not stampede: a host that had a manager waits a random share longer, so that a thousand hosts
 * whose manager died do not reach the origin in the same second.
 */

import { DarnerError } from "#base/mod.ts";
import type { ManagerDirectory } from "#cluster/mod.ts";

export interface Waiting {
  readonly nowMs: number;
  /** Since when no manager answers; undefined while one does. */
  readonly managerAwaySinceMs: number | undefined;
  /** When bytes last came or were announced, or the download began. */
  readonly progressMs: number;
  /** The manager has told the manifest's head: there was a swarm. */
  readonly hadSwarm: boolean;
  /** A number in [0, 1), this download's own. */
  readonly jitter: number;
  readonly originFallbackAfterMs: number;
  readonly stallTimeoutMs: number;
}

export type Verdict = { readonly kind: "wait" } | { readonly kind: "alone" | "stalled"; readonly idleMs: number };

/** How often it is asked whether the wait is too long: a tenth of the wait, within these. */
const watchEveryMs = { min: 50, max: 1000 } as const;

export function watchAfterMs(settings: {
  readonly originFallbackAfterMs: number;
  readonly stallTimeoutMs: number;
}): number {
  const tenthMs = Math.min(settings.originFallbackAfterMs, settings.stallTimeoutMs) / 10;
  return Math.max(watchEveryMs.min, Math.min(tenthMs, watchEveryMs.max));
}

/** "alone": no manager and no peer gives anything. "stalled": a manager is there, yet nobody gives. */
export function judgeWaiting(waiting: Waiting): Verdict {
  const { nowMs, managerAwaySinceMs, progressMs, hadSwarm, jitter, originFallbackAfterMs, stallTimeoutMs } = waiting;
  const idleMs = nowMs - progressMs;
  if (managerAwaySinceMs === undefined) return idleMs > stallTimeoutMs ? { kind: "stalled", idleMs } : { kind: "wait" };
  const aloneMs = Math.min(idleMs, nowMs - managerAwaySinceMs);
  const patienceMs = originFallbackAfterMs * (1 + (hadSwarm ? jitter : 0));
  return aloneMs < patienceMs ? { kind: "wait" } : { kind: "alone", idleMs: aloneMs };
}

/** `trouble`: why the last connection to a manager failed. */
export function whyNoMore({ kind, idleMs }: Exclude<Verdict, { kind: "wait" }>, trouble?: string): string {
  const what = kind === "alone" ? "no manager and no peer answered" : "nobody gave a new byte";
  return `${what} for ${Math.round(idleMs / 1000)} s${trouble === undefined ? "" : ` (${trouble})`}`;
}

/** What the origin, or the policy over it, says of the object: the host itself would hear the same. */
export function isOfTheObject(error: DarnerError): boolean {
  return /^(?:origin|url|digest|tls|reach)\./.test(error.code);
}

/** What a host says when no manager can be reached and the origin may not be asked. */
export function unreachableManagers(directory: ManagerDirectory | undefined): DarnerError {
  const names = directory?.current().map((manager) => manager.url) ?? [];
  const tried = names.length === 0 ? "none is known" : `tried ${names.join(", ")}`;
  return new DarnerError(
    "cluster.unreachable",
    `cannot reach a cluster manager (${tried}), and going to the origin is not allowed; start one, or allow it`,
    { retry: { afterMs: 5_000 } },
  );
}
