/** The command of one role: its settings as flags, then the role until it is told to stop. */

import { type Declarations, type Resolved, type SettingsGroup } from "#settings/mod.ts";
import type { Flags } from "../line/command-line.ts";
import { runUntilStopped } from "./lifecycle.ts";
import { loadSources, placesHere, resolveJoined } from "../line/load-settings.ts";
import { quickFlags } from "../line/quick-flags.ts";
import { roleLog, type StartedRole } from "../roles/ground.ts";
import type { LogLevel } from "#platform/telemetry/log.ts";

interface RoleCommand<D extends Declarations> {
  readonly name: string;
  readonly description: string;
  readonly group: SettingsGroup<D>;
  readonly start: (resolved: Resolved<D>) => Promise<StartedRole>;
}

export async function runRole<D extends Declarations>(role: RoleCommand<D>, argv: readonly string[]): Promise<number> {
  const groups = [role.group] as unknown as readonly SettingsGroup[];
  const plain = quickFlags(argv, groups);
  const flags = plain?.words.length === 0 ? plain.flags : await readCommandLine(role, groups, argv);
  if (flags === "help") return 0;
  const resolved = resolveJoined(role.group, await loadSources(flags));
  const { logLevel } = resolved.values as unknown as { logLevel: LogLevel };
  const start = async (): Promise<StartedRole> => {
    const started = await role.start(resolved);
    if (started.greeting !== undefined) process.stdout.write(await started.greeting());
    return started;
  };
  return await runUntilStopped(start, { log: roleLog(logLevel, role.name) });
}

/** Everything else that a command line may be. A role that runs for weeks need not keep in memory what reads it. */
async function readCommandLine(
  { name, description }: Pick<RoleCommand<Declarations>, "name" | "description">,
  groups: readonly SettingsGroup[],
  argv: readonly string[],
): Promise<Flags | "help"> {
  const { addSettings, expandAliases, givenFlags, newCommand, parseCommandLine } =
    await import("../line/command-line.ts");
  const program = newCommand(`darner ${name}`, description);
  addSettings(program, groups, placesHere());
  program.action(() => {});
  if (await parseCommandLine(program, expandAliases(argv, groups))) return "help";
  return givenFlags(program, groups);
}
