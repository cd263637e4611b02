/**
 * A standing question: asks for what is newer than the version at hand, hands it on, asks again, until
 * it is stopped. While the other side is away it keeps trying, with growing and scattered pauses, and
 * what was told last goes on being true.
 */

import { asDarnerError } from "#base/mod.ts";
import { sleep, type Clock } from "#platform/machine/clock.ts";
import type { Log } from "#platform/telemetry/log.ts";
import type { Random } from "#platform/machine/random.ts";
import { backoffMs } from "./backoff.ts";

export interface Watch {
  stop(): void;
}

export interface WatchOptions<News extends { readonly version: number }> {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  /** For the log: what is watched. */
  readonly what: string;
  /** Asks once; `after` is the version at hand. The answer may take as long as it likes to be news. */
  ask(after: number | undefined, signal: AbortSignal): Promise<News>;
  onNews(news: News): void;
}

const failureBounds = { firstMs: 500, maxMs: 15_000 };
/** Between two questions when news come thick and fast. */
const newsPauseMs = 100;
/** An answer without news that came sooner than this was not waited for: too many wait there already. */
const heldAtLeastMs = 1_000;
const notHeldPauseMs = 5_000;

export function startWatch<News extends { readonly version: number }>(options: WatchOptions<News>): Watch {
  const ended = new AbortController();
  void watchUntil(ended.signal, options);
  return { stop: () => ended.abort() };
}

async function watchUntil<News extends { readonly version: number }>(
  ended: AbortSignal,
  options: WatchOptions<News>,
): Promise<void> {
  const { clock, random, log, what } = options;
  let after: number | undefined;
  let failures = 0;
  while (!ended.aborted) {
    const askedMs = clock.nowMs();
    let news: News;
    try {
      news = await options.ask(after, ended);
    } catch (error) {
      if (ended.aborted) return;
      failures++;
      const { code, message } = asDarnerError(error);
      if (failures === 1) log.warn("cluster.watch-failed", { what, code, error: message });
      await sleep(clock, backoffMs(failures, failureBounds, random.unit(), error), ended);
      continue;
    }
    if (ended.aborted) return;
    if (failures > 0) log.info("cluster.watch-recovered", { what, failures });
    failures = 0;
    const isNew = news.version !== after;
    after = news.version;
    if (isNew) options.onNews(news);
    const held = isNew || clock.nowMs() - askedMs >= heldAtLeastMs;
    await sleep(clock, (held ? newsPauseMs : notHeldPauseMs) * (0.5 + random.unit()), ended);
  }
}
