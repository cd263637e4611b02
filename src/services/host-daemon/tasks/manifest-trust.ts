/** When a host takes a manifest's word: signed by the manager that speaks, unless trust is off. */

import { DarnerError } from "#base/mod.ts";
import type { Log } from "#platform/telemetry/log.ts";

export interface ManifestTrust {
  readonly log: Log;
  readonly task: string;
  readonly trust: boolean;
}

/** Logs why the manifest does not count and throws `cluster.protocol`; null: it counts. */
export function assertVouched({ log, task }: ManifestTrust, refusal: string | null): void {
  if (refusal === null) return;
  log.warn("manifest.refused", { task, reason: refusal });
  throw new DarnerError("cluster.protocol", `cannot trust the manifest: ${refusal}; see that its manager is yours`);
}

/** The key that has to have signed; undefined when none has to. */
export function keyToTrust(how: ManifestTrust, managerKey: string | undefined): string | undefined {
  if (!how.trust) return undefined;
  if (managerKey === undefined) assertVouched(how, "the manager names no key, though trust is on");
  return managerKey;
}
