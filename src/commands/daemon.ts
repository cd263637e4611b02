/** The command of the host daemon's role: `darner daemon`. */

import { hostDaemonSettings } from "#settings/mod.ts";
import { startHostDaemon } from "./roles/host-daemon.ts";
import { runRole } from "./run/run-role.ts";

export function run(argv: readonly string[]): Promise<number> {
  return runRole(
    {
      name: "daemon",
      description: "Gets objects for this machine's users, and gives them to other hosts.",
      group: hostDaemonSettings,
      start: startHostDaemon,
    },
    argv,
  );
}
