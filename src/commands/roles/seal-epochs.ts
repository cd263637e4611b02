/**
 * A manager hears of its cluster's seal epochs. Only a cluster with an authority has some: their secrets go
 * to who shows a certificate, and stay in memory. What is logged is a number.
 */

import type { ConfigClient } from "#cluster/mod.ts";
import { sealSecretBytes } from "#core/model/mod.ts";
import { nodeClock } from "#platform/machine/clock.node.ts";
import { nodeRandom } from "#platform/machine/random.node.ts";
import type { Log } from "#platform/telemetry/log.ts";
import { SealEpochs } from "#transfer/mod.ts";

/** Without a config service it has its own alone. */
export function followSealEpochs(
  config: ConfigClient | undefined,
  log: Log,
): { readonly epochs: SealEpochs; stop(): void } {
  const own = nodeRandom.bytes(sealSecretBytes);
  if (config === undefined) return { epochs: new SealEpochs({ own }), stop: () => undefined };
  const epochs = new SealEpochs({ own, clock: nodeClock });
  const watch = config.watchSealEpochs((told) => {
    if (epochs.take(told)) return log.info("seal-epoch.told", { number: epochs.current });
    log.warn("seal-epoch.refused", { told: told.at(-1)?.number, meaning: "it is older than one that is known here" });
  });
  return { epochs, stop: () => watch.stop() };
}
