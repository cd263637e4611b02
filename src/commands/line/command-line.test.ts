/** Flags as people type them, and the help they get. */

import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { placesFor, settingsGroups, type SettingsGroup } from "#settings/mod.ts";
import { addSettings, expandAliases, givenFlags, newCommand, parseCommandLine, type Flags } from "./command-line.ts";

const places = placesFor({ userId: 7, home: "/home/u", environment: { XDG_RUNTIME_DIR: "/run/user/7" } });

function groupsOf(section: string): SettingsGroup[] {
  return settingsGroups.filter((group) => group.section === section);
}

async function dfget(...argv: string[]): Promise<{ flags: Flags; operands: string[] }> {
  const groups = groupsOf("dfget");
  const command = newCommand("dfget", "").argument("[url...]");
  addSettings(command, groups, places);
  command.action(() => {});
  await parseCommandLine(command, expandAliases(argv, groups));
  return { flags: givenFlags(command, groups), operands: command.args };
}

test("wget's habits work: glued short flags, -nc, -O and -o, flags behind the URL", async () => {
  assert.deepEqual(await dfget("-qO-", "http://h/x"), {
    flags: { quiet: ["true"], output: ["-"] },
    operands: ["http://h/x"],
  });
  assert.deepEqual((await dfget("http://h/x", "-nc", "-o", "y", "-t3")).flags, {
    "no-clobber": ["true"],
    "output": ["y"],
    "tries": ["3"],
  });
  assert.deepEqual((await dfget("--limit-rate=10MB", "-T", "5")).flags, {
    "limit-rate": ["10MB"],
    "read-timeout": ["5"],
  });
  assert.deepEqual((await dfget("--", "-nc")).operands, ["-nc"]);
});

test("flags that start with no- are on when given, and absent otherwise", async () => {
  assert.deepEqual((await dfget("--no-back-to-source")).flags, { "no-back-to-source": ["true"] });
  assert.deepEqual((await dfget()).flags, {});
});

test("a flag given again: all texts are kept, in their order", async () => {
  const { flags } = await dfget("--header", "A: 1, 2", "-H", "B: 3", "--tag", "x", "--tag", "y");
  assert.deepEqual(flags, { header: ["A: 1, 2", "B: 3"], tag: ["x", "y"] });
});

test("a mistake is one line that says what to look at", async () => {
  await assert.rejects(dfget("--limitrate", "1"), {
    code: "usage",
    message:
      "cannot understand the command line: unknown option '--limitrate' (Did you mean --limit-rate?); see dfget --help",
  });
  await assert.rejects(dfget("--tag"), { code: "usage", message: /argument missing; see dfget --help$/ });
});

for (const section of ["dfget", "daemon", "cluster-manager", "config-service", "up"]) {
  test(`the help of ${section} is as reviewed`, (t) => {
    const command = newCommand(section, "What it does.").configureOutput({ getOutHelpWidth: () => 80 });
    addSettings(command, groupsOf(section), places);
    t.assert.fileSnapshot(command.helpInformation(), join(import.meta.dirname, "help", `${section}.txt`), {
      serializers: [(text: unknown) => String(text)],
    });
  });
}
