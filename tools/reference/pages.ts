/** The pages of docs/reference by file name, as they should be. */

import { errorTable } from "#base/mod.ts";
import { settingsGroups, settingsReference } from "#settings/mod.ts";

export function referencePages(): Readonly<Record<string, string>> {
  return { "settings.md": settingsReference(settingsGroups), "errors.md": errorsReference() };
}

function errorsReference(): string {
  const rows = Object.entries(errorTable).map(([code, { exit, doc }]) => `| ${exit} | \`${code}\` | ${doc} |`);
  return [
    "# Errors and exit statuses",
    "",
    "<!-- Made by tools/reference.ts from src/base/errors.ts; edit there. -->",
    "",
    "A command that fails prints one line on standard error, what failed, what is, and what should be or what to do",
    "next, and ends with the status of the error's code. The codes also stand in JSON events, in logs and in the",
    'answers of a role (`{"error": {"code", "message", "retry"}}`); they are stable, the messages are not. Status 0 is',
    "success; 126 and above are the shell's.",
    "",
    "| Status | Code | Meaning |",
    "|---|---|---|",
    ...rows,
    "",
  ].join("\n");
}
