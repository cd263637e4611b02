/** `darner set NAME VALUE`: one live setting of a running process, or of a cluster. */

import { DarnerError } from "#base/mod.ts";
import { siteRangesKey } from "#core/placement/mod.ts";
import { changeSetting, type SettingPlace } from "#clients/darner/mod.ts";
import { hostDaemonSettings, resolveSettings, roleUrl, type SettingsGroup } from "#settings/mod.ts";
import { addSettings, givenFlags, newCommand, parseCommandLine, type Flags } from "./line/command-line.ts";
import { loadSources, placesHere } from "./line/load-settings.ts";
import { addTokenOption, createOperatorHttp, tokenOf } from "./asking/operator-http.ts";

const { config, socket, configService } = hostDaemonSettings.settings;
const group: SettingsGroup = {
  section: hostDaemonSettings.section,
  title: "",
  settings: {
    config,
    socket,
    configService: { ...configService, help: "change it for the whole cluster of this config service" },
  },
};

export async function run(argv: readonly string[]): Promise<number> {
  const program = newCommand("darner set", "Changes a setting while it runs; by default of this machine's daemon.");
  program.argument("<NAME>", "a live setting, such as upload-rate").argument("<VALUE>", "what it should be");
  program.option("--url <URL>", "change it at this process only, such as a cluster manager");
  addTokenOption(program);
  addSettings(program, [group], placesHere());
  const words: string[] = [];
  program.action((name: string, value: string) => void words.push(name, value));
  if (await parseCommandLine(program, argv)) return 0;
  const [name, value] = words as [string, string];
  const place = await placeOf(givenFlags(program, [group]), program.opts<{ url?: string }>().url);
  if (name === siteRangesKey && place.kind !== "cluster") {
    const says = "it is the whole cluster's; name its config service with --config-service URL";
    throw new DarnerError("settings.unknown-key", `cannot change ${name} here: ${says}`);
  }
  const http = createOperatorHttp(tokenOf(program));
  try {
    process.stdout.write(`${await changeSetting(http, { place, name, value })}\n`);
  } finally {
    http.close();
  }
  return 0;
}

/** Only a flag means the cluster: a variable that names it for downloads must not widen a change. */
async function placeOf(flags: Flags, url: string | undefined): Promise<SettingPlace> {
  const named = [flags["socket"], flags["config-service"], url].filter((place) => place !== undefined);
  if (named.length > 1) {
    const why = "--socket, --url and --config-service name different places; give one of them";
    throw new DarnerError("usage", `cannot change a setting: ${why}`);
  }
  if (url !== undefined) {
    const read = roleUrl.read([url]);
    if ("problem" in read) throw new DarnerError("usage", `cannot use "${url}" for --url: ${read.problem}`);
    return { kind: "process", url: read.value };
  }
  const { values } = resolveSettings(group, await loadSources(flags));
  if (flags["config-service"] !== undefined) return { kind: "cluster", url: values["configService"] as string };
  return { kind: "socket", socketPath: values["socket"] as string };
}
