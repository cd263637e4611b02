/** The host's own limits, one limiter each, for all its downloads and uploads together. */

import type { Clock } from "#platform/machine/clock.ts";
import { Limiter } from "#transfer/mod.ts";
import type { HostDaemonSettings } from "./daemon-options.ts";

export interface HostLimits {
  readonly download: Limiter;
  /** What comes from origins: counted, held back by other limits. */
  readonly origin: Limiter;
  readonly upload: Limiter;
  readonly diskRead: Limiter;
  readonly diskWrite: Limiter;
}

export function newHostLimits(clock: Clock, settings: HostDaemonSettings): HostLimits {
  const unlimited = (): Limiter => new Limiter(clock, Infinity);
  const disk = { diskRead: unlimited(), diskWrite: unlimited() };
  const limits = { download: unlimited(), origin: unlimited(), upload: unlimited(), ...disk };
  setHostLimits(limits, settings);
  return limits;
}

export function setHostLimits(limits: HostLimits, settings: HostDaemonSettings): void {
  limits.download.setRate(settings.downloadRateBytesPerSecond);
  limits.upload.setRate(settings.uploadRateBytesPerSecond);
  limits.diskRead.setRate(settings.diskReadRateBytesPerSecond);
  limits.diskWrite.setRate(settings.diskWriteRateBytesPerSecond);
}
