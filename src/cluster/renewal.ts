/**
 * Keeps a certificate fresh: from the middle of its life on a new one is asked for, until one comes.
 * The clock on the wall is looked at often, since a machine may have slept.
 */

import { asDarnerError } from "#base/mod.ts";
import { sleep, type Clock } from "#platform/machine/clock.ts";
import type { Identity } from "#platform/keys/identity.ts";
import type { Log } from "#platform/telemetry/log.ts";
import type { Random } from "#platform/machine/random.ts";
import { backoffMs } from "./backoff.ts";

export interface RenewalOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly identity: Identity;
  renew(signal: AbortSignal): Promise<string>;
  /** The new certificate is shown already. */
  onRenewed?(certificate: string): void;
}

const lookMsMax = 600_000;
const failureBounds = { firstMs: 1_000, maxMs: 300_000 };

export function startRenewal(options: RenewalOptions): { stop(): void } {
  const ended = new AbortController();
  void keepFresh(ended.signal, options);
  return { stop: () => ended.abort() };
}

async function keepFresh(ended: AbortSignal, options: RenewalOptions): Promise<void> {
  const { clock, random, log, identity } = options;
  let failures = 0;
  while (!ended.aborted) {
    const { startsAtMs, endsAtMs } = identity.member;
    const dueMs = (startsAtMs + endsAtMs) / 2 - clock.wallMs();
    if (dueMs > 0) {
      await sleep(clock, Math.max(50, Math.min(dueMs, lookMsMax) * (0.8 + random.unit() / 5)), ended);
      continue;
    }
    try {
      const certificate = await options.renew(ended);
      identity.renew(certificate);
      options.onRenewed?.(certificate);
      failures = 0;
      log.info("certificate.renewed", { endsAtMs: identity.member.endsAtMs });
    } catch (error) {
      if (ended.aborted) return;
      const { code, message } = asDarnerError(error);
      if (failures++ === 0) log.warn("certificate.not-renewed", { code, error: message, endsAtMs });
      await sleep(clock, backoffMs(failures, failureBounds, random.unit(), error), ended);
    }
  }
}
