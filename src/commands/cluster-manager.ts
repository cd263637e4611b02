/** The command of the cluster manager's role: `darner cluster-manager`. */

import { clusterManagerSettings } from "#settings/mod.ts";
import { startClusterManager } from "./roles/cluster-manager.ts";
import { runRole } from "./run/run-role.ts";

export function run(argv: readonly string[]): Promise<number> {
  return runRole(
    {
      name: "cluster-manager",
      description: "Fetches each object once, seeds its pieces, and decides which host feeds which.",
      group: clusterManagerSettings,
      start: startClusterManager,
    },
    argv,
  );
}
