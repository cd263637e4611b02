/** The command of the config service's role: `darner config-service`. */

import { configServiceSettings } from "#settings/mod.ts";
import { startConfigService } from "./roles/config-service.ts";
import { runRole } from "./run/run-role.ts";

export function run(argv: readonly string[]): Promise<number> {
  return runRole(
    {
      name: "config-service",
      description: "Tells every host its nearest cluster managers, and holds the cluster's settings.",
      group: configServiceSettings,
      start: startConfigService,
    },
    argv,
  );
}
