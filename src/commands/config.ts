/** `darner config print`: every setting of every role, its value, and where it came from. */

import {
  settingsGroups,
  unknownVariables,
  type Setting,
  type SettingsGroup,
  type SettingSources,
} from "#settings/mod.ts";
import { addSettings, givenFlags, newCommand, parseCommandLine } from "./line/command-line.ts";
import { loadSources, placesHere, resolveJoined } from "./line/load-settings.ts";

interface PrintedSetting {
  readonly role: string;
  readonly name: string;
  readonly value: string;
  readonly origin: string;
  readonly live: boolean;
}

export async function run(argv: readonly string[]): Promise<number> {
  const program = newCommand("darner config", "Settings of this machine's roles.");
  const print = program.command("print").description("Show every setting, its value and where it came from.");
  print.option("--json", "one JSON document");
  print.option("--role <ROLE>", `only this one of: ${settingsGroups.map((group) => group.section).join(", ")}`);
  addSettings(print, [configOnly], placesHere());
  print.action(async (options: { json?: boolean; role?: string }) => {
    const sources = await loadSources(givenFlags(print, [configOnly]));
    const groups = settingsGroups.filter((group) => options.role === undefined || group.section === options.role);
    if (groups.length === 0) print.error(`error: there is no role "${options.role}"`);
    const settings = groups.flatMap((group) => printedSettings(group, sources));
    process.stdout.write(options.json === true ? `${JSON.stringify(settings, null, 2)}\n` : table(settings, sources));
    for (const name of unknownVariables(sources.environment, settingsGroups)) {
      process.stderr.write(`darner: the environment variable ${name} names no setting and has no effect\n`);
    }
  });
  await parseCommandLine(program, argv);
  return 0;
}

/** Of all settings only --config decides what is printed. */
const configOnly: SettingsGroup = {
  section: "",
  title: "",
  settings: { config: settingsGroups[0]!.settings["config"]! },
};

function printedSettings(group: SettingsGroup, sources: SettingSources): PrintedSetting[] {
  const { values, origins } = resolveJoined(group, sources);
  return Object.entries(group.settings as Record<string, Setting<unknown>>)
    .filter(([, setting]) => setting.flagOnly !== true)
    .map(([property, setting]) => ({
      role: group.section,
      name: setting.name,
      value: setting.kind.write(values[property]),
      origin: origins[property]!.text,
      live: setting.live === true,
    }));
}

function table(settings: readonly PrintedSetting[], sources: SettingSources): string {
  const nameWidth = Math.max(...settings.map(({ name }) => name.length));
  const valueWidth = Math.min(40, Math.max(...settings.map(({ value }) => value.length)));
  const lines: string[] = [
    `# settings file: ${sources.file?.path ?? `none (${sources.places.settingsFiles.join(", ")})`}`,
  ];
  let role = "";
  for (const setting of settings) {
    if (setting.role !== role) lines.push("", `${setting.role}:`);
    role = setting.role;
    lines.push(`  ${setting.name.padEnd(nameWidth)}  ${(setting.value || "-").padEnd(valueWidth)}  ${setting.origin}`);
  }
  return `${lines.join("\n")}\n`;
}
