/**
 * The command line of a plain call, read without commander: loading and filling that takes as long as
 * all else that dfget does before it asks a daemon.
 *
 * Only what is certain is read here. A word that is no exact flag of a setting, a value that is
 * missing or looks like a flag, `--`, help: all of that gives undefined, and commander has its say.
 */

import type { Setting, SettingsGroup } from "#settings/mod.ts";
import type { Flags } from "./command-line.ts";

interface Spelling {
  readonly name: string;
  readonly takesValue: boolean;
  /** Commander keeps each further spelling apart, as an option of its own. */
  readonly option: string;
}

export function quickFlags(
  argv: readonly string[],
  groups: readonly SettingsGroup[],
): { readonly flags: Flags; readonly words: readonly string[] } | undefined {
  const spellings = spellingsOf(groups);
  const given = new Map<string, { readonly option: string; texts: string[] }>();
  const words: string[] = [];
  for (let at = 0; at < argv.length; at++) {
    const word = argv[at]!;
    if (!word.startsWith("-")) {
      words.push(word);
      continue;
    }
    const equals = word.startsWith("--") ? word.indexOf("=") : -1;
    const spelling = spellings.get(equals < 0 ? word : word.slice(0, equals));
    if (spelling === undefined) return undefined;
    const { name, option, takesValue } = spelling;
    const text = !takesValue ? "true" : equals < 0 ? argv[++at] : word.slice(equals + 1);
    if (text === undefined || (!takesValue && equals >= 0)) return undefined;
    // It may be a value, or a flag whose value was forgotten.
    if (/^-./.test(text)) return undefined;
    const before = given.get(name);
    if (before !== undefined && before.option !== option) return undefined;
    given.set(name, { option, texts: takesValue ? [...(before?.texts ?? []), text] : [text] });
  }
  return { flags: Object.fromEntries([...given].map(([name, { texts }]) => [name, texts])), words };
}

function spellingsOf(groups: readonly SettingsGroup[]): Map<string, Spelling> {
  const spellings = new Map<string, Spelling>();
  for (const group of groups) {
    for (const { name, aliases = [], kind } of Object.values(group.settings) as Setting<unknown>[]) {
      const takesValue = kind.placeholder !== undefined;
      // `-nc` is written out as its long form, and the first of the others is one option with it.
      const others = aliases.filter((alias) => !isLetters(alias));
      for (const spelled of [`--${name}`, ...aliases]) {
        const apart = others.indexOf(spelled) > 0;
        spellings.set(spelled, { name, takesValue, option: apart ? spelled : name });
      }
    }
  }
  return spellings;
}

const isLetters = (alias: string): boolean => /^-[^-]./.test(alias);
