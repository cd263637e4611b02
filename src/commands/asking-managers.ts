/** What `darner task`, `darner host` and `darner manager` share: which managers they mean, and how they ask. */

import type { Command } from "commander";
import { listedManagers, type ListedManager } from "#clients/darner/mod.ts";
import type { HttpJson } from "#platform/http/json.ts";
import { hostDaemonSettings, type SettingsGroup } from "#settings/mod.ts";
import { addSettings, givenFlags } from "./command-line.ts";
import { loadSources, placesHere, resolveJoined } from "./load-settings.ts";
import { addTokenOption, createOperatorHttp, tokenOf } from "./operator-http.ts";

const managerHere = "http://127.0.0.1:8002";
const { config, dataDir, manager, configService } = hostDaemonSettings.settings;
const group: SettingsGroup = {
  section: hostDaemonSettings.section,
  title: "",
  settings: {
    config,
    dataDir,
    manager: { ...manager, help: "which ones; default: the configured managers, else this machine's" },
    configService,
  },
};

export interface AskedManagers {
  readonly http: HttpJson;
  /** Those that are named, else all that the config service lists, else this machine's. */
  readonly urls: readonly string[];
  /** With what the config service says of them, where one is known. */
  readonly listed: readonly ListedManager[];
}

/** Adds the flags that say whom to ask; `act` then asks and gives the text to print. */
export function askingManagers(
  command: Command,
  act: (asked: AskedManagers, words: readonly string[]) => Promise<string>,
): Command {
  addTokenOption(command);
  addSettings(command, [group], placesHere());
  return command.action(async (...given: unknown[]) => {
    const words = given.filter((word): word is string => typeof word === "string");
    const { values } = resolveJoined(group, await loadSources(givenFlags(command, [group])));
    const http = createOperatorHttp(tokenOf(command));
    try {
      const named = values["manager"] as readonly string[];
      const service = values["configService"] as string | undefined;
      const listed = named.length > 0 || service === undefined ? [] : await listedManagers(http, service);
      const known = named.length > 0 ? named : listed.map(({ url }) => url);
      process.stdout.write(await act({ http, urls: known.length > 0 ? known : [managerHere], listed }, words));
    } finally {
      http.close();
    }
  });
}
