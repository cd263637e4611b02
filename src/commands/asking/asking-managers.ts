/** What `darner task`, `darner host` and `darner manager` share: which managers they mean, and how they ask. */

import type { Command } from "commander";
import { knownManagers, type KnownManagers } from "#clients/darner/mod.ts";
import type { HttpJson } from "#platform/http-asks/json.ts";
import { hostDaemonSettings, type SettingsGroup } from "#settings/mod.ts";
import { addSettings, givenFlags } from "../line/command-line.ts";
import { loadSources, placesHere, resolveJoined } from "../line/load-settings.ts";
import { addTokenOption, createOperatorHttp, ownAdminSocket, tokenOf } from "./operator-http.ts";

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

export interface AskedManagers extends KnownManagers {
  readonly http: HttpJson;
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
    const { values, origins } = resolveJoined(group, await loadSources(givenFlags(command, [group])));
    const http = createOperatorHttp(tokenOf(command));
    try {
      const named = values["manager"] as readonly string[];
      const url = values["configService"] as string | undefined;
      const isFlag = origins["configService"]?.kind === "flag";
      const socketPath = isFlag ? undefined : ownAdminSocket(values["dataDir"] as string);
      const place = socketPath !== undefined ? { socketPath } : url !== undefined ? { url } : undefined;
      const known = await knownManagers(http, named, place);
      process.stdout.write(await act({ http, ...known }, words));
    } finally {
      http.close();
    }
  });
}
