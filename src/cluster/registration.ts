/**
 * A manager's standing in the cluster: registers, renews three times a lease, registers anew when the
 * config service forgot it or was away, and gives the lease up at the end.
 */

import { asDarnerError } from "#base/mod.ts";
import { sleep, type Clock } from "#platform/machine/clock.ts";
import type { Log } from "#platform/telemetry/log.ts";
import type { Random } from "#platform/machine/random.ts";
import { backoffMs } from "./backoff.ts";

export interface RegistrationAnswer {
  readonly leaseMs: number;
  readonly settingsVersion: number;
  readonly listVersion: number;
}

export interface Registration {
  /** Tells the config service now instead of at the next renewal: the load or the URL changed. */
  renewNow(): void;
  /** Gives the lease up; resolves when that is told, or could not be told in time. */
  stop(): Promise<void>;
}

export interface RegistrationOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  register(signal: AbortSignal): Promise<RegistrationAnswer>;
  leave(): Promise<unknown>;
  onAnswer?(answer: RegistrationAnswer): void;
}

const failureBounds = { firstMs: 250, maxMs: 5_000 };
const renewalsPerLease = 3;
/** However short the lease that is told. */
const renewalPauseMinMs = 50;

export function startRegistration(options: RegistrationOptions): Registration {
  const ended = new AbortController();
  let pause = new AbortController();
  let wanted = false;
  const running = keepRegistered(options, ended.signal, async (pauseMs) => {
    if (!wanted) await sleep(options.clock, pauseMs, AbortSignal.any([ended.signal, pause.signal]));
    wanted = false;
    pause = new AbortController();
  });
  return {
    renewNow() {
      wanted = true;
      pause.abort();
    },
    async stop() {
      ended.abort();
      const registered = await running;
      if (!registered) return;
      await options.leave().catch((error: unknown) => {
        options.log.warn("cluster.lease-not-given-up", { error: asDarnerError(error).message });
      });
    },
  };
}

/** Resolves when it is ended: true when a lease may be held then. */
async function keepRegistered(
  options: RegistrationOptions,
  ended: AbortSignal,
  wait: (pauseMs: number) => Promise<void>,
): Promise<boolean> {
  const { random, log } = options;
  let failures = 0;
  let asked = false;
  while (!ended.aborted) {
    let answer: RegistrationAnswer;
    try {
      asked = true;
      answer = await options.register(ended);
    } catch (error) {
      if (ended.aborted) break;
      failures++;
      const { code, message } = asDarnerError(error);
      if (failures === 1) log.warn("cluster.registration-failed", { code, error: message });
      await wait(backoffMs(failures, failureBounds, random.unit(), error));
      continue;
    }
    if (failures > 0) log.info("cluster.registration-recovered", { failures });
    failures = 0;
    options.onAnswer?.(answer);
    const pauseMs = (answer.leaseMs / renewalsPerLease) * (0.9 + random.unit() / 10);
    await wait(Math.max(renewalPauseMinMs, pauseMs));
  }
  return asked;
}
