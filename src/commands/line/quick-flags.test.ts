/** The quick reading of a command line beside commander's: the same, or none. */

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { dfgetSettings, type SettingsGroup } from "#settings/mod.ts";
import { addSettings, expandAliases, givenFlags, newCommand, parseCommandLine } from "./command-line.ts";
import { placesHere } from "./load-settings.ts";
import { quickFlags } from "./quick-flags.ts";

const groups = [dfgetSettings] as unknown as readonly SettingsGroup[];

async function byCommander(argv: readonly string[]) {
  const program = newCommand("dfget", "").argument("[URL...]", "");
  program.configureOutput({ writeOut: () => {} });
  addSettings(program, groups, placesHere());
  const words: string[] = [];
  program.action((given: string[]) => void words.push(...given));
  if (await parseCommandLine(program, expandAliases(argv, groups)).catch(() => true)) return undefined;
  return { flags: givenFlags(program, groups), words };
}

const spelled = Object.values(dfgetSettings.settings).flatMap(({ name, aliases = [] }) => [`--${name}`, ...aliases]);
const word = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom(...spelled) },
  { weight: 2, arbitrary: fc.constantFrom(...spelled).map((flag) => `${flag}=x`) },
  { weight: 4, arbitrary: fc.constantFrom("http://a/b", "x", "-", "", "5", "-5", "a=b") },
  { weight: 1, arbitrary: fc.constantFrom("--", "--help", "-h", "--no-such", "-qc", "-Ox", "-q=1") },
);

describe("the quick reading of dfget's command line", () => {
  test("property: what it reads is what commander reads", async () => {
    let read = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(word, { maxLength: 6 }), async (argv) => {
        const quick = quickFlags(argv, groups);
        if (quick === undefined) return;
        read++;
        assert.deepEqual(quick, await byCommander(argv));
      }),
      { numRuns: 500 },
    );
    assert.ok(read > 100, `only ${read} of 500 were read quickly`);
  });

  test("the calls that scripts make are read quickly", () => {
    const calls = [
      ["-q", "--socket", "/run/d.sock", "http://a/b", "-O", "out"],
      ["http://a/b"],
      ["-nc", "-c", "--header", "a: b", "--header", "c: d", "--limit-rate=5M", "-P", "dir", "http://a/b"],
      ["-O", "-", "http://a/b"],
    ];
    for (const call of calls) assert.ok(quickFlags(call, groups) !== undefined, call.join(" "));
    assert.deepEqual(quickFlags(calls[2]!, groups)?.flags["header"], ["a: b", "c: d"]);
  });

  test("what only commander can tell is left to it", () => {
    for (const argv of [["--help"], ["-O"], ["--", "x"], ["-qc"], ["--quiet=1"], ["--outptu", "x"]])
      assert.equal(quickFlags(argv, groups), undefined, argv.join(" "));
  });
});
