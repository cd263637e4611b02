/** `darner task list`: the tasks of the managers that are named, configured, or on this machine. */

import { listTasks, managersOf, taskTable } from "#clients/darner/mod.ts";
import { hostDaemonSettings, resolveSettings, type SettingsGroup } from "#settings/mod.ts";
import { addSettings, givenFlags, newCommand, parseCommandLine } from "./command-line.ts";
import { loadSources, placesHere } from "./load-settings.ts";
import { addTokenOption, createOperatorHttp, tokenOf } from "./operator-http.ts";

const managerHere = "http://127.0.0.1:8002";
const { config, manager, configService } = hostDaemonSettings.settings;
const group: SettingsGroup = {
  section: hostDaemonSettings.section,
  title: "",
  settings: {
    config,
    manager: { ...manager, help: "whose tasks; default: the configured managers, else this machine's" },
    configService,
  },
};

export async function run(argv: readonly string[]): Promise<number> {
  const program = newCommand("darner task", "What cluster managers distribute.");
  const list = program.command("list").description("Show the tasks in memory, their bytes and their hosts.");
  list.option("--json", "one JSON document");
  addTokenOption(list);
  addSettings(list, [group], placesHere());
  list.action(async (options: { json?: boolean }) => {
    const { values } = resolveSettings(group, await loadSources(givenFlags(list, [group])));
    const http = createOperatorHttp(tokenOf(list));
    try {
      const named = values["manager"] as readonly string[];
      const service = values["configService"] as string | undefined;
      const known = named.length > 0 || service === undefined ? named : await managersOf(http, service);
      const { tasks, failures } = await listTasks(http, known.length > 0 ? known : [managerHere]);
      for (const failure of failures) process.stderr.write(`darner: ${failure.message}\n`);
      process.stdout.write(options.json === true ? `${JSON.stringify(tasks, null, 2)}\n` : taskTable(tasks));
    } finally {
      http.close();
    }
  });
  await parseCommandLine(program, argv);
  return 0;
}
