/** `darner manager`: the managers of a cluster, and those that are to take no new task. */

import { askManager, managerTable } from "#clients/darner/mod.ts";
import { DarnerError } from "#base/mod.ts";
import { askingManagers } from "./asking/asking-managers.ts";
import { newCommand, parseCommandLine } from "./line/command-line.ts";

export async function run(argv: readonly string[]): Promise<number> {
  const program = newCommand("darner manager", "The managers of a cluster.");
  askingManagers(
    program.command("list").description("Show the managers that the config service knows."),
    async ({ listed }) => managerTable(listed),
  );
  const drain = program.command("drain").description("Let a manager take no new task; what it distributes goes on.");
  drain.argument("<ID|URL>", "as darner manager list shows it");
  drain.option("--undo", "let it take new tasks again");
  askingManagers(drain, async ({ http, listed }, [which = ""]) => {
    const draining = drain.opts<{ undo?: boolean }>().undo !== true;
    const url = listed.find(({ id }) => id === which)?.url ?? (URL.canParse(which) ? which : undefined);
    if (url === undefined) {
      throw new DarnerError("usage", `cannot drain ${which}: no such manager is known; see darner manager list`);
    }
    await askManager(http, url, "PUT", "/v1/draining", { draining });
    return `${which} ${draining ? "takes no new task" : "takes new tasks again"}\n`;
  });
  await parseCommandLine(program, argv);
  return 0;
}
