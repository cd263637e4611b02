/** The command of one role: its settings as flags, then the role until it is told to stop. */

import { type Declarations, type Resolved, type SettingsGroup } from "#settings/mod.ts";
import { addSettings, expandAliases, givenFlags, newCommand, parseCommandLine } from "./command-line.ts";
import { runUntilStopped } from "./lifecycle.ts";
import { loadSources, placesHere, resolveJoined } from "./load-settings.ts";
import { roleLog, type StartedRole } from "./roles/ground.ts";
import type { LogLevel } from "#platform/log.ts";

interface RoleCommand<D extends Declarations> {
  readonly name: string;
  readonly description: string;
  readonly group: SettingsGroup<D>;
  readonly start: (resolved: Resolved<D>) => Promise<StartedRole>;
}

export async function runRole<D extends Declarations>(role: RoleCommand<D>, argv: readonly string[]): Promise<number> {
  const groups = [role.group] as unknown as readonly SettingsGroup[];
  const program = newCommand(`darner ${role.name}`, role.description);
  addSettings(program, groups, placesHere());
  program.action(() => {});
  if (await parseCommandLine(program, expandAliases(argv, groups))) return 0;
  const resolved = resolveJoined(role.group, await loadSources(givenFlags(program, groups)));
  const { logLevel } = resolved.values as unknown as { logLevel: LogLevel };
  const start = async (): Promise<StartedRole> => {
    const started = await role.start(resolved);
    if (started.greeting !== undefined) process.stdout.write(started.greeting);
    return started;
  };
  return await runUntilStopped(start, { log: roleLog(logLevel, role.name) });
}
