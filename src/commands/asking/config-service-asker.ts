/** What `darner member` and `darner token` share: which config service they mean, and how they ask it. */

import type { Command } from "commander";
import { askConfigService, type ConfigServicePlace } from "#clients/darner/mod.ts";
import { DarnerError } from "#base/mod.ts";
import type { JsonRequest } from "#platform/http/json.ts";
import { hostDaemonSettings, type SettingsGroup } from "#settings/mod.ts";
import { addSettings, givenFlags } from "../line/command-line.ts";
import { loadSources, placesHere, resolveJoined } from "../line/load-settings.ts";
import { addTokenOption, createOperatorHttp, ownAdminSocket, tokenOf } from "./operator-http.ts";

const { config, dataDir, configService } = hostDaemonSettings.settings;
const group: SettingsGroup = {
  section: hostDaemonSettings.section,
  title: "",
  settings: { config, dataDir, configService: { ...configService, help: "which one; on its own machine it is found" } },
};

export type Ask = (method: JsonRequest["method"], path: string, body?: unknown) => Promise<Record<string, unknown>>;

export interface Asked {
  readonly ask: Ask;
  /** How others reach the config service; undefined when only its socket is known. */
  readonly url: string | undefined;
}

/** Adds the flags that say whom to ask; `act` then asks. */
export function asking(command: Command, act: (asked: Asked, words: readonly string[]) => Promise<string>): Command {
  addTokenOption(command);
  addSettings(command, [group], placesHere());
  return command.action(async (...given: unknown[]) => {
    const words = given.filter((word): word is string => typeof word === "string");
    const { values, origins } = resolveJoined(group, await loadSources(givenFlags(command, [group])));
    const named = origins["configService"]?.kind === "flag";
    const socketPath = named ? undefined : ownAdminSocket(values["dataDir"] as string);
    const url = values["configService"] as string | undefined;
    const http = createOperatorHttp(tokenOf(command));
    try {
      const place = placeOf(socketPath, url);
      const ask: Ask = (method, path, body) => askConfigService(http, place, method, path, body);
      process.stdout.write(await act({ ask, url: socketPath === undefined ? url : undefined }, words));
    } finally {
      http.close();
    }
  });
}

function placeOf(socketPath: string | undefined, url: string | undefined): ConfigServicePlace {
  if (socketPath !== undefined) return { socketPath };
  if (url !== undefined) return { url };
  const next = "run this on its machine as its user, or name it with --config-service URL and a --token";
  throw new DarnerError("usage", `cannot find a config service: none runs on this data directory; ${next}`);
}
