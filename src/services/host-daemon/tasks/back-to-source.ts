/**
 * A host's own way to the origin, for when its cluster cannot help: into the same piece file, so that
 * what peers gave is not fetched again, and at this host's share of the origin budget.
 */

import { parseDigest } from "#core/model/mod.ts";
import { bothGates, nameGeneration, OriginFetch, type Limiter, type Sealing } from "#transfer/mod.ts";
import type { HostTaskOptions } from "./host-task-options.ts";

export interface BackToSource extends HostTaskOptions {
  /** The key of what is stored, or of what begins. */
  readonly sealing: Sealing;
  /** This download's own rate; lowered to the host's share of the budget. */
  readonly ownLimiter: Limiter;
  /** Only parts of it are wanted: one connection, which goes where the part begins. */
  readonly partsOnly: boolean;
  readonly signal: AbortSignal;
  /** Another version than the swarm's begins. */
  onBegun(): void;
  onPiece(index: number): void;
  onBytes(count: number): void;
}

/** A lone host may open several connections; one of many may not. */
const connectionsAlone = 4;
const splitBytesMin = 64 * 1024 * 1024;
/** A limit lets 1.05 of its rate pass in the worst second: of all hosts together that is to be 1.03. */
const budgetShare = 0.98;

/** What one of so many hosts may take of the origin, in bytes a second. */
export function shareOfBudget(originBudgetBytesPerSecond: number, hosts: number): number {
  return (originBudgetBytesPerSecond * budgetShare) / hosts;
}

export function backToSource(options: BackToSource): OriginFetch {
  const { clock, random, log, origin, store, task, ask, triesMax, signal, ownLimiter, limits, sealing } = options;
  const { manager, mode, settings } = options;
  // Those that the manager last knew, this one among them; 1 where there never was a cluster.
  const hosts = manager?.hostsKnown ?? 1;
  // A stampede takes a cluster; who asks for the origin by name is no part of one.
  const isFalling = manager !== undefined && mode !== "source";
  const budgetBytesPerSecond = isFalling ? settings().originBudgetBytesPerSecond : Infinity;
  ownLimiter.setRate(Math.min(ownLimiter.rateBytesPerSecond, shareOfBudget(budgetBytesPerSecond, hosts)));
  const isSealed = options.mustSeal || store.object?.seal !== undefined;
  return new OriginFetch({
    origin,
    clock,
    random,
    store,
    ...(isSealed ? { sealing } : {}),
    url: ask.url,
    headers: ask.headers,
    // Whoever asks the daemon is on its machine.
    caller: "near",
    expected: ask.digest === undefined ? [] : [parseDigest(ask.digest)],
    proveAlways: false,
    connectionsMax: hosts === 1 && !options.partsOnly ? connectionsAlone : 1,
    splitBytesMin,
    hosts,
    limiter: bothGates(ownLimiter, limits.download),
    triesMax,
    signal,
    generationOf: (facts) => nameGeneration({ task, ...facts }, random),
    onBegun: () => options.onBegun(),
    onPiece: (index) => options.onPiece(index),
    onBytes: (count) => {
      limits.origin.charge(count);
      options.onBytes(count);
    },
    onRetry: (error, delayMs) => {
      log.warn("origin.retry", { task, code: error.code, message: error.message, delayMs });
      options.onRetry(error, delayMs);
    },
  });
}
