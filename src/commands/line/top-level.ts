/** What `darner` says without a command, with --help, --version, or with a command that it does not have. */

import manifest from "../../../package.json" with { type: "json" };
import { DarnerError } from "#base/mod.ts";
import { nearestWord } from "#settings/mod.ts";

export function topLevel(
  name: string | undefined,
  commands: Readonly<Record<string, { readonly summary: string }>>,
): number {
  if (name === "--version" || name === "-V" || name === "version") {
    process.stdout.write(`${darnerVersion()}\n`);
    return 0;
  }
  if (name === undefined || name === "--help" || name === "-h" || name === "help") {
    process.stdout.write(topLevelHelp(commands));
    return name === undefined ? 2 : 0;
  }
  if (name.startsWith("-"))
    throw new DarnerError("usage", `cannot understand ${name}: a command comes first; see darner --help`);
  const near = nearestWord(name, Object.keys(commands));
  const hint = near === undefined ? "" : `did you mean ${near}? `;
  throw new DarnerError("usage", `cannot run "${name}": there is no such command; ${hint}see darner --help`);
}

function topLevelHelp(commands: Readonly<Record<string, { readonly summary: string }>>): string {
  const lines = Object.entries(commands).map(([name, { summary }]) => `  ${name.padEnd(18)}${summary}`);
  return [
    "Usage: darner COMMAND [options]",
    "",
    "Carries files from one origin to a fleet of machines, so that the origin sends each byte once.",
    "",
    "Commands:",
    ...lines,
    "",
    "darner COMMAND --help tells the options of a command; darner --version the version.",
    "",
  ].join("\n");
}

export function darnerVersion(): string {
  return manifest.version;
}
