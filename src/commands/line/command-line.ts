/**
 * The command line over commander: its options come from the settings' declarations, its errors are
 * ours, one line each. Texts are kept as they were typed; `resolveSettings` reads and checks them.
 */

import { Command, CommanderError, Help, Option } from "commander";
import { DarnerError } from "#base/mod.ts";
import { defaultOf, isDefaultPlace, type Places, type Setting, type SettingsGroup } from "#settings/mod.ts";

/** Texts by setting name, only those given. */
export type Flags = Readonly<Record<string, readonly string[]>>;

/**
 * A command, named with its program (`darner config`). It prints no error of its own; its
 * subcommands, made with `.command`, do as it does.
 */
export function newCommand(name: string, description: string): Command {
  return new Command(name)
    .description(description)
    .exitOverride()
    .configureOutput({ writeErr: () => {} })
    .configureHelp(helpLayout)
    .helpOption("-h, --help", "show this help")
    .helpCommand(false);
}

/** What is wider stands on a line of its own, so that a column is left for the words beside it. */
const termWidthMax = 30;
const plainHelp = new Help();
const helpLayout: Partial<Help> = {
  padWidth: (command, help) => Math.min(termWidthMax, plainHelp.padWidth(command, help)),
  formatItem(this: Help, term, width, description, help) {
    const beside = (text: string): string => Help.prototype.formatItem.call(this, text, width, description, help);
    if (help.displayWidth(term) <= width) return beside(term);
    return `  ${term}${description === "" ? "" : `\n${beside("")}`}`;
  },
  optionDescription({ description, defaultValue }) {
    return defaultValue === undefined ? description : `${description} (default: ${[defaultValue].flat().join(", ")})`;
  },
};

/** Parses and runs the action; true when only help was asked for. Throws `usage`. */
export async function parseCommandLine(command: Command, argv: readonly string[]): Promise<boolean> {
  try {
    await command.parseAsync([...argv], { from: "user" });
    return false;
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    if (error.exitCode === 0) return true;
    // Commander shows the help when a subcommand is missing, with this text as its error.
    const what = error.code === "commander.help" ? "a command is missing" : error.message.replace(/^error: /, "");
    const message = `cannot understand the command line: ${what.replaceAll("\n", " ")}; see ${nameOf(command, argv)} --help`;
    throw new DarnerError("usage", message, { cause: error });
  }
}

/** The command's name and those of its subcommands that were reached. */
function nameOf(command: Command, argv: readonly string[]): string {
  const next = command.commands.find((subcommand) => subcommand.name() === argv[0]);
  return next === undefined ? command.name() : `${command.name()} ${nameOf(next, argv.slice(1))}`;
}

/** Adds the settings of all groups as options, each name once, under its topic. */
export function addSettings(command: Command, groups: readonly SettingsGroup[], places: Places): void {
  for (const setting of distinctSettings(groups)) {
    const [main, ...hidden] = optionsFor(setting, places);
    const group = `${setting.topic}:`;
    command.addOption(main!.helpGroup(group));
    for (const option of hidden) command.addOption(option.helpGroup(group).hideHelp());
  }
}

/** What was given, by setting name. */
export function givenFlags(command: Command, groups: readonly SettingsGroup[]): Flags {
  const given: Record<string, readonly string[]> = {};
  for (const setting of distinctSettings(groups)) {
    for (const option of optionsFor(setting)) {
      const name = option.attributeName();
      if (command.getOptionValueSource(name) !== "cli") continue;
      const value: unknown = command.getOptionValue(name);
      const texts = Array.isArray(value) ? value.map(String) : ["true"];
      given[setting.name] = [...(given[setting.name] ?? []), ...texts];
    }
  }
  return given;
}

/** wget's `-nc` is one flag of two letters, which commander would take for `-n -c`. */
export function expandAliases(argv: readonly string[], groups: readonly SettingsGroup[]): string[] {
  const long = new Map<string, string>();
  for (const setting of distinctSettings(groups)) {
    for (const alias of setting.aliases ?? []) if (isMultiLetter(alias)) long.set(alias, `--${setting.name}`);
  }
  const end = argv.indexOf("--");
  return argv.map((word, index) => (end >= 0 && index > end ? word : (long.get(word) ?? word)));
}

const isMultiLetter = (alias: string): boolean => /^-[^-]./.test(alias);

function distinctSettings(groups: readonly SettingsGroup[]): Setting<unknown>[] {
  const all = groups.flatMap((group) => Object.values(group.settings) as Setting<unknown>[]);
  return [...new Map(all.map((setting) => [setting.name, setting])).values()];
}

/** The option itself with its first short form, then one hidden option for each further short form. */
function optionsFor(setting: Setting<unknown>, places?: Places): Option[] {
  const { placeholder } = setting.kind;
  const value = placeholder === undefined ? "" : ` <${placeholder}>`;
  const [short, ...others] = (setting.aliases ?? []).filter((alias) => !isMultiLetter(alias));
  const shown = (setting.aliases ?? []).filter((alias) => alias !== short);
  const also = shown.length === 0 ? "" : ` (also ${shown.join(", ")})`;
  const help = `${setting.help}${also}${places === undefined ? "" : defaultText(setting, places)}`;
  const flags = [`${short === undefined ? "" : `${short}, `}--${setting.name}`, ...others];
  return flags.map((flag) => {
    const option = new Option(`${flag}${value}`, help);
    // Each occurrence is kept: the last one counts, or all where the kind repeats.
    if (value !== "") option.argParser((text, before: string[] | undefined) => [...(before ?? []), text]);
    return option;
  });
}

function defaultText(setting: Setting<unknown>, places: Places): string {
  if (setting.kind.placeholder === undefined) return "";
  const written = setting.kind.write(defaultOf(setting, places));
  const text = written === "" && isDefaultPlace(setting.default) ? setting.default.text : written;
  return text === "" ? "" : ` (default: ${text})`;
}
