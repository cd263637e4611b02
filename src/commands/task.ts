/** `darner task`: the tasks of the managers that are named, configured, or on this machine. */

import {
  askManager,
  explanationText,
  listTasks,
  taskTable,
  type ExplainedTask,
  type ListedTask,
} from "#clients/darner/mod.ts";
import { DarnerError } from "#base/mod.ts";
import { askingManagers, type AskedManagers } from "./asking/asking-managers.ts";
import { newCommand, parseCommandLine } from "./line/command-line.ts";

export async function run(argv: readonly string[]): Promise<number> {
  const program = newCommand("darner task", "What cluster managers distribute.");
  const list = program.command("list").description("Show the tasks in memory, their bytes and their hosts.");
  list.option("--json", "one JSON document");
  askingManagers(list, async (asked) => {
    const tasks = await allTasks(asked);
    return list.opts<{ json?: boolean }>().json === true ? `${JSON.stringify(tasks, null, 2)}\n` : taskTable(tasks);
  });
  const explain = program.command("explain").description("Show who has what of a task, and why it took so long.");
  explain.argument("<ID>", "as darner task list shows it; its first letters do");
  explain.option("--json", "one JSON document, an entry for each manager that has it");
  askingManagers(explain, async (asked, [id]) => {
    const told = await explained(asked, id ?? "");
    if (explain.opts<{ json?: boolean }>().json === true) return `${JSON.stringify(told, null, 2)}\n`;
    return told.map(({ manager, ...task }) => explanationText(manager, task)).join("\n");
  });
  await parseCommandLine(program, argv);
  return 0;
}

async function allTasks({ http, urls }: AskedManagers): Promise<readonly ListedTask[]> {
  const { tasks, failures } = await listTasks(http, urls);
  for (const failure of failures) process.stderr.write(`darner: ${failure.message}\n`);
  return tasks;
}

/** By every manager that has it in memory: the owner, and those that took over or borrowed. */
async function explained(asked: AskedManagers, id: string): Promise<(ExplainedTask & { manager: string })[]> {
  const found = (await allTasks(asked)).filter(({ task }) => id !== "" && task.startsWith(id));
  if (new Set(found.map(({ task }) => task)).size !== 1) {
    const what = found.length === 0 ? "no manager has such a task in memory" : "several tasks begin so";
    throw new DarnerError("usage", `cannot explain ${id}: ${what}; see darner task list`);
  }
  const told = found.map(async ({ manager, task }) => {
    const answer = await askManager(asked.http, manager, "GET", `/v1/tasks/${task}`);
    return { manager, ...(answer as never as ExplainedTask) };
  });
  return await Promise.all(told);
}
