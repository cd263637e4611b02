/** The house rules, checked: first that each rule can fail, then that the repository keeps them all. */

import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { dirname } from "node:path";
import { describe, test } from "node:test";
import { checkCircles } from "./tidy/circles.ts";
import { checkLayers } from "./tidy/layers.ts";
import { checkPurity } from "./tidy/purity.ts";
import { checkShape } from "./tidy/shape.ts";
import { readSources, sourceFile, type Finding, type SourceFile } from "./tidy/source.ts";

const root = dirname(import.meta.dirname);
const folders = ["src", "test", "tools", "bench"].filter((folder) => existsSync(`${root}/${folder}`));

const rules = (file: SourceFile): Finding[] => [...checkLayers(file), ...checkPurity(file), ...checkShape(file)];

const opening = "/** A file that a rule looks at. */\n";
/** The first word of each finding for a file with this path and text. */
function broken(path: string, text: string): string[] {
  return rules(sourceFile(path, opening + text)).map((finding) => finding.message.split(":", 1)[0]!);
}

describe("the repository", () => {
  test("keeps every rule", () => {
    const sources = readSources(root, folders);
    const findings = [...sources.flatMap(rules), ...checkCircles(sources)];
    const told = findings.map((found) => `${found.path}:${found.line} ${found.message}`);
    if (told.length > 0) assert.fail(`rules broken: ${told.length}\n${told.join("\n")}`);
  });
});

describe("the layer rule", () => {
  const imports: readonly [from: string, specifier: string, expected: readonly string[]][] = [
    ["src/core/swarm/wants.ts", "#base/mod.ts", []],
    ["src/core/swarm/wants.ts", "#core/model/mod.ts", []],
    ["src/core/swarm/wants.ts", "#platform/machine/clock.ts", ["layer rule"]],
    ["src/base/units.ts", "#core/model/mod.ts", ["layer rule"]],
    ["src/platform/files/disk.ts", "#storage/mod.ts", ["layer rule"]],
    ["src/storage/pieces/gc.ts", "#platform/files/disk.ts", []],
    ["src/storage/pieces/gc.ts", "#origins/mod.ts", ["layer rule"]],
    ["src/transfer/upload.ts", "#storage/pieces/mod.ts", []],
    ["src/storage/pieces/gc.ts", "#transfer/mod.ts", ["layer rule"]],
    ["src/services/host-daemon/run.ts", "#transfer/mod.ts", []],
    ["src/services/host-daemon/run.ts", "#services/cluster-manager/mod.ts", ["layer rule"]],
    ["src/clients/dfget/run.ts", "#core/protocol/mod.ts", []],
    ["src/clients/dfget/run.ts", "#core/swarm/mod.ts", ["layer rule"]],
    ["src/clients/dfget/run.ts", "#clients/darner/mod.ts", ["layer rule"]],
    ["src/services/host-daemon/run.ts", "#simulator/mod.ts", ["layer rule"]],
    ["src/services/host-daemon/run.test.ts", "#simulator/mod.ts", []],
    ["src/main.ts", "./services/host-daemon/mod.ts", []],
    ["src/commands/daemon.ts", "#services/host-daemon/mod.ts", []],
    ["src/services/host-daemon/run.ts", "#commands/daemon.ts", ["layer rule"]],
    ["src/settings/setting.ts", "#platform/machine/clock.ts", []],
    ["src/clients/dfget/run.ts", "#settings/mod.ts", []],
    ["src/origins/http.ts", "../main.ts", ["layer rule", "import rule"]],
    ["src/cellar/wine.ts", "#base/mod.ts", ["layer rule"]],
  ];
  for (const [from, specifier, expected] of imports) {
    test(`${from} ${expected.length === 0 ? "may" : "may not"} import ${specifier}`, () => {
      assert.deepEqual(broken(from, `import { x } from "${specifier}";\n`), expected);
    });
  }
});

describe("doors and hands", () => {
  const imports: readonly [from: string, specifier: string, expected: readonly string[]][] = [
    ["src/services/host-daemon/run.ts", "#transfer/upload.ts", ["door rule"]],
    ["src/core/swarm/wants.ts", "../model/task.ts", ["door rule", "import rule"]],
    ["src/storage/mod.ts", "./pieces/mod.ts", []],
    ["src/storage/mod.ts", "./pieces/gc.ts", ["door rule"]],
    ["src/storage/pieces/gc.ts", "../quota.ts", []],
    ["src/origins/http.test.ts", "#platform/machine/clock.sim.ts", []],
    ["src/origins/http.ts", "#platform/machine/clock.node.ts", ["hands rule"]],
    ["src/origins/http.ts", "#platform/machine/clock.sim.ts", ["hands rule"]],
    ["src/main.ts", "./commands/daemon.ts", []],
    ["src/commands/daemon.ts", "#platform/machine/clock.node.ts", []],
    ["src/platform/native/send.node.ts", "#platform/files/disk.node.ts", []],
    ["src/origins/http.ts", "./origin", ["import rule"]],
  ];
  for (const [from, specifier, expected] of imports) {
    test(`${from} ${expected.length === 0 ? "may" : "may not"} import ${specifier}`, () => {
      assert.deepEqual(broken(from, `export * from "${specifier}";\n`), expected);
    });
  }
});

describe("folders side by side", () => {
  const found = (...files: readonly (readonly [path: string, specifier: string])[]): string[] =>
    checkCircles(
      files.map(([path, specifier]) => sourceFile(path, `${opening}import { x } from "${specifier}";\n`)),
    ).map(({ path, message }) => `${path} ${message.split(";", 1)[0]!}`);

  test("import one another in one direction", () => {
    assert.deepEqual(found(["src/a/one/x.ts", "../two/mod.ts"], ["src/a/two/y.ts", "../three/mod.ts"]), []);
    assert.deepEqual(found(["src/a/one/x.ts", "../two/mod.ts"], ["src/a/two/y.ts", "../one/mod.ts"]), [
      "src/a/two/y.ts circle rule: one -> two -> one",
    ]);
    assert.deepEqual(
      found(["src/a/c/x.ts", "#a/b/mod.ts"], ["src/a/b/deep/y.ts", "#a/a/mod.ts"], ["src/a/a/z.ts", "../c/mod.ts"]),
      ["src/a/b/deep/y.ts circle rule: a -> c -> b -> a"],
    );
  });

  test("may import what lies around them, and their tests anything", () => {
    assert.deepEqual(found(["src/a/one/x.ts", "../whole.ts"], ["src/a/whole.ts", "./one/mod.ts"]), []);
    assert.deepEqual(found(["src/a/one/x.ts", "../two/mod.ts"], ["src/a/two/y.test.ts", "../one/mod.ts"]), []);
  });
});

describe("purity", () => {
  const inCore = (text: string): string[] => broken("src/core/swarm/wants.ts", text);

  test("core has no clock, no chance, no waiting and no packages", () => {
    for (const text of [
      "const now = Date.now();",
      "const now = new Date();",
      'const then = Date.parse("");',
      "const then = new Date(1);",
      "setTimeout(() => {}, 1);",
      "const chance = Math.random();",
      "async function go() {}",
      "let result: Promise<void>;",
      "console.log(1);",
      "const home = process.env.HOME;",
      'import { readFileSync } from "node:fs";',
      'import pino from "pino";',
      "const text = `${Date.now()}`;",
    ]) {
      assert.deepEqual(inCore(`${text}\n`), ["pure rule"], text);
    }
  });

  test("comments, strings and expressions that only mention such words are fine", () => {
    const mentions = [
      "// Date.now() and await",
      'const header = "Date.now()";',
      "const text = `await ${1} Promise`;",
      "const rule = /Promise['\"`]/;",
      "const half = 4 / 2; // await",
    ];
    assert.deepEqual(inCore(`${mentions.join("\n")}\n`), []);
  });

  test("rooms that run may wait, but ask a port for the time", () => {
    assert.deepEqual(broken("src/transfer/upload.ts", "async function go() {}\n"), []);
    assert.deepEqual(broken("src/transfer/upload.ts", "const now = Date.now();\n"), ["port rule"]);
    assert.deepEqual(broken("src/transfer/upload.ts", "const now = new Date();\n"), ["port rule"]);
    assert.deepEqual(broken("src/transfer/upload.ts", 'const then = Date.parse("");\n'), []);
    assert.deepEqual(broken("src/platform/machine/clock.node.ts", "const now = Date.now();\n"), []);
  });
});

describe("shape", () => {
  const body = (lines: number): string => "  step();\n".repeat(lines);

  test("a file says first what it is", () => {
    assert.match(checkShape(sourceFile("src/base/x.ts", "const x = 1;\n"))[0]!.message, /^opening rule/);
  });

  test("files and functions stay short", () => {
    assert.deepEqual(broken("src/base/x.ts", "step();\n".repeat(400)), ["length rule"]);
    assert.deepEqual(broken("src/base/x.ts", "step();\n".repeat(390)), []);
    for (const head of [
      "function long(a: number) {",
      "function long(): { a: number } {",
      "const long = (a: number): Map<string, () => void> => {",
      "class A { #x = 1;\n  go<T>(a: T[]): readonly T[] {",
    ]) {
      const tail = head.startsWith("class") ? "}}" : "}";
      assert.deepEqual(broken("src/base/x.ts", `${head}\n${body(69)}${tail}\n`), ["length rule"], head);
      assert.deepEqual(broken("src/base/x.ts", `${head}\n${body(60)}${tail}\n`), [], head);
    }
  });

  test("long blocks that are no function are no function", () => {
    assert.deepEqual(broken("src/base/x.ts", `if (a) {\n${body(80)}}\n`), []);
    assert.deepEqual(broken("src/base/x.test.ts", `describe("x", () => {\n${body(80)}});\n`), []);
  });

  test("a name names something, and a comment fits the page", () => {
    assert.deepEqual(broken("src/base/utils.ts", ""), ["name rule"]);
    assert.deepEqual(broken("src/helpers/x.ts", ""), ["name rule"]);
    assert.deepEqual(broken("src/base/x.ts", `// ${"a".repeat(120)}\n`), ["width rule"]);
  });
});
