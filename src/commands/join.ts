/** `darner join URL TOKEN`: makes this machine a host, or a cluster manager, of a cluster. */

import { mkdirSync } from "node:fs";
import { hostname } from "node:os";
import { joinCluster } from "#cluster/mod.ts";
import { DarnerError } from "#base/mod.ts";
import { readToken, type JoinableRole } from "#core/model/mod.ts";
import { createNodeHttpJson } from "#platform/http-asks/json.node.ts";
import { createNodeIdentity, createNodeVisitor } from "#platform/keys/identity.node.ts";
import { lockDirectory } from "#platform/machine/process-lock.node.ts";
import { newSigningKey } from "#platform/keys/signing.ts";
import { hostDaemonSettings, resolveSettings, roleUrl, type SettingsGroup } from "#settings/mod.ts";
import { addSettings, givenFlags, newCommand, parseCommandLine } from "./line/command-line.ts";
import { loadSources, placesHere } from "./line/load-settings.ts";
import { secretText } from "./asking/operator-http.ts";
import { folderOfRole, writeJoined } from "./roles/membership-files.ts";
import { writeWholeFile } from "./roles/whole-file.ts";

const { config, dataDir } = hostDaemonSettings.settings;
const group: SettingsGroup = { section: hostDaemonSettings.section, title: "", settings: { config, dataDir } };
const next: Readonly<Record<JoinableRole, string>> = {
  host: "dfget and darner daemon use it from now on",
  manager: "start it with darner cluster-manager",
};

export async function run(argv: readonly string[]): Promise<number> {
  const program = newCommand(
    "darner join",
    "Makes this machine a member of a cluster; darner member invite there prints how.",
  );
  program.argument("<URL>", "the cluster's config service");
  program.argument("<TOKEN>", "what makes it a member; @FILE and - (standard input) keep it out of the process list");
  addSettings(program, [group], placesHere());
  const words: string[] = [];
  program.action((url: string, token: string) => void words.push(url, token));
  if (await parseCommandLine(program, argv)) return 0;
  const { values } = resolveSettings(group, await loadSources(givenFlags(program, [group])));
  const [url, token] = words as [string, string];
  process.stdout.write(`${await join(values["dataDir"] as string, url, secretText(token))}\n`);
  return 0;
}

async function join(dataDirectory: string, text: string, token: string): Promise<string> {
  const url = roleUrl.read([text]);
  if ("problem" in url) throw new DarnerError("usage", `cannot join "${text}": ${url.problem}`);
  const kind = readToken(token)?.kind;
  if (kind === undefined || kind === "api") {
    throw new DarnerError("trust.join", "cannot join with this: it is no join token; darner member invite makes one");
  }
  const directory = `${dataDirectory}/${folderOfRole[kind]}`;
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  // Before the token is spent: a process that runs on the old key would not notice.
  const lock = lockDirectory(directory);
  const plain = createNodeHttpJson();
  try {
    const key = newSigningKey();
    const name = hostname()
      .replaceAll(/[^\w.-]/g, "")
      .slice(0, 64);
    const open = (authority: string) => createNodeHttpJson(createNodeVisitor(authority));
    const joined = await joinCluster({ plain, open, url: new URL(url.value), token, key, name });
    const { member } = createNodeIdentity({ ...joined, key });
    writeWholeFile(`${directory}/key.pem`, key.exportPem());
    writeJoined(directory, { ...joined, configService: `https://${new URL(url.value).host}` });
    return `joined the cluster of ${url.value} as ${member.role} ${member.id}; ${next[kind]}`;
  } finally {
    plain.close();
    lock.release();
  }
}
