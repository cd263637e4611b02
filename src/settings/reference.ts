/** The page docs/reference/settings.md, made from the declarations. */

import { defaultOf, environmentName, isDefaultPlace, type Setting, type SettingsGroup } from "./setting.ts";
import { placesFor } from "./places.ts";

const opening = `# Settings

<!-- Made by tools/reference.ts from src/settings; edit there. -->

A flag goes before the environment, the environment before the settings file, the file before the
default. \`darner config print\` shows every value and where it came from.

The settings file is YAML: \`--config FILE\`, else \`/etc/darner/darner.yaml\` for root, and for other users
\`$XDG_CONFIG_HOME/darner/darner.yaml\` or, where that is missing, \`/etc/darner/darner.yaml\`. A setting at the top
is for every role that has it, one in a role's section for that role only:

\`\`\`yaml
log-level: info
manager: [https://10.0.0.2:8002]
daemon:
  upload-rate: 200Mbit
\`\`\`

Settings marked *live* may change while the role runs, also from the cluster's settings in the config
service; there a setting is named as in the file (\`upload-rate\`, or \`daemon.upload-rate\` for one role). \`site-ranges\` is there alone.

Sizes: \`10MB\` is 10^7 bytes, \`10MiB\` (or \`10M\`) is 10 x 2^20. Rates are a second: \`10MB\`, or \`80Mbit\` in bits;
\`unlimited\`. Times: \`500ms\`, \`10s\`, \`5m\`, \`2h\`; a bare number means seconds.
`;

export function settingsReference(groups: readonly SettingsGroup[]): string {
  return [opening, ...groups.map(groupReference)].join("\n");
}

function groupReference(group: SettingsGroup): string {
  const settings = Object.values(group.settings) as Setting<unknown>[];
  const topics = [...new Set(settings.map((setting) => setting.topic))];
  const tables = topics.map((topic) => {
    const rows = settings.filter((setting) => setting.topic === topic).map(row);
    return [`### ${topic}`, "", "| Flag | Environment | Default | What it is |", "|---|---|---|---|", ...rows, ""].join(
      "\n",
    );
  });
  return [`## ${group.title}`, "", `Section of the settings file: \`${group.section}\``, "", ...tables].join("\n");
}

function row(setting: Setting<unknown>): string {
  const { placeholder, range } = setting.kind;
  const names = [`--${setting.name}`, ...(setting.aliases ?? [])];
  const flags = names
    .map((name) => `\`${name}${name.startsWith("--") && placeholder !== undefined ? ` ${placeholder}` : ""}\``)
    .join(", ");
  const notes = [setting.help, ...(range === undefined ? [] : [range]), ...(setting.live === true ? ["*live*"] : [])];
  const cells = [
    flags,
    setting.flagOnly === true ? "" : `\`${environmentName(setting.name)}\``,
    defaultCell(setting),
    notes.join("; "),
  ];
  return `| ${cells.map(escaped).join(" | ")} |`;
}

/** `|` would end a cell, `<` begin a tag. */
function escaped(cell: string): string {
  return cell.replaceAll("|", "\\|").replaceAll("<", "&lt;");
}

function defaultCell(setting: Setting<unknown>): string {
  if (isDefaultPlace(setting.default)) return setting.default.text;
  if (setting.kind.placeholder === undefined) return "off";
  const written = setting.kind.write(defaultOf(setting, placesFor({ userId: 0, home: undefined, environment: {} })));
  return written === "" ? "" : `\`${written}\``;
}
