/** What `darner member` and `darner token` share: which config service they mean, and how they ask it. */

import type { Command } from "commander";
import { askConfigService, thisMachine, type ConfigServicePlace } from "#clients/darner/mod.ts";
import { asDarnerError, DarnerError } from "#base/mod.ts";
import type { HttpJson, JsonRequest } from "#platform/http-asks/json.ts";
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
      const place = socketPath !== undefined ? { socketPath } : { url: url ?? thisMachine.configService };
      const ask: Ask = async (method, path, body) => {
        try {
          return await askConfigService(http, place, method, path, body);
        } catch (error) {
          const isGuess = socketPath === undefined && url === undefined;
          if (isGuess && asDarnerError(error).code === "network.refused") throw nobodyHere(error);
          if (!path.startsWith("/v1/preheats") && !(await hasAuthority(http, place))) throw nobodyJoins(error);
          throw error;
        }
      };
      process.stdout.write(await act({ ask, url: socketPath === undefined ? url : undefined }, words));
    } finally {
      http.close();
    }
  });
}

function nobodyHere(cause: unknown): DarnerError {
  const next = "run this on its machine as its user, or name it with --config-service URL and a --token";
  return new DarnerError("usage", `cannot find a config service: none runs on this data directory; ${next}`, { cause });
}

function nobodyJoins(cause: unknown): DarnerError {
  const why = "no machine joins it: it serves this one alone, or with --trust off";
  const next = "darner up --listen 0.0.0.0 and darner config-service make a cluster that machines join";
  return new DarnerError("cluster.refused", `cannot ask this config service for members or tokens: ${why}; ${next}`, {
    cause,
  });
}

/** Only a cluster that machines join has members, tokens and a certificate of its own. */
async function hasAuthority(http: HttpJson, place: ConfigServicePlace): Promise<boolean> {
  return await askConfigService(http, place, "GET", "/v1/authority").then(
    () => true,
    (error: unknown) => asDarnerError(error).code !== "cluster.refused",
  );
}
