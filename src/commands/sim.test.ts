/** `darner sim` as it is typed: its help and its mistakes. */

import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { run, simCommand } from "./sim.ts";

test("the help of sim is as reviewed", (t) => {
  let text = "";
  const command = simCommand({ name: "darner sim" });
  command.configureOutput({ writeOut: (part) => (text += part), getOutHelpWidth: () => 80 });
  command.outputHelp();
  t.assert.fileSnapshot(text, join(import.meta.dirname, "line/help/sim.txt"), {
    serializers: [(text: unknown) => String(text)],
  });
});

test("a mistake is one line that says what to look at", async () => {
  await assert.rejects(run(["grwth"]), { code: "usage", message: /no such experiment; did you mean growth\? see/ });
  await assert.rejects(run([]), { code: "usage", message: /missing required argument 'NAME'; see darner sim --help$/ });
  await assert.rejects(run(["growth", "--hosts", "0"]), { code: "usage", message: /from 1 to 100000, but got "0"$/ });
  await assert.rejects(run(["growth", "--trace"]), { code: "usage", message: /--trace is for invariants/ });
  await assert.rejects(run(["growth", "--seeds", "9-3"]), { code: "usage", message: /wants FROM-TO/ });
});
