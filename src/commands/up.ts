/** `darner up`: everything in one process, and what to type next. */

import { existsSync, realpathSync } from "node:fs";
import { delimiter, dirname, join } from "node:path";
import { upText } from "#clients/darner/mod.ts";
import { nodeClock } from "#platform/machine/clock.node.ts";
import { sleep } from "#platform/machine/clock.ts";
import { createNodeLog } from "#platform/telemetry/log.node.ts";
import { nodeMachine } from "#platform/machine/machine.node.ts";
import { upRoles, upSettings, type SettingsGroup, type UpRoles } from "#settings/mod.ts";
import { addSettings, expandAliases, givenFlags, newCommand, parseCommandLine } from "./line/command-line.ts";
import { runUntilStopped } from "./run/lifecycle.ts";
import { loadSources, placesHere } from "./line/load-settings.ts";
import { startAll, type AllRoles } from "./roles/all.ts";

const groups = [upSettings] as unknown as readonly SettingsGroup[];
/** What is told is told after this time at the latest, ready or not. */
const readyMsMax = 5000;
const lookEveryMs = 20;
/** For each role in turn; a terminal's user waits for it. */
const graceMs = 1000;

export async function run(argv: readonly string[]): Promise<number> {
  const program = newCommand("darner up", "Runs config service, cluster manager and host daemon in one process.");
  addSettings(program, groups, placesHere());
  program.action(() => {});
  if (await parseCommandLine(program, expandAliases(argv, groups))) return 0;
  const roles = upRoles(await loadSources(givenFlags(program, groups)));
  const log = createNodeLog(roles.up.logLevel);
  const start = async (): Promise<AllRoles> => {
    const all = await startAll(roles, log);
    void announce(roles, all);
    return all;
  };
  return await runUntilStopped(start, { log, graceMs });
}

/** Prints the text once a download would go through; a stop meanwhile ends the process first. */
async function announce(roles: UpRoles, all: AllRoles): Promise<void> {
  const untilMs = nodeClock.nowMs() + readyMsMax;
  let ready = false;
  while (!ready && nodeClock.nowMs() < untilMs) {
    const answer = await nodeMachine.askRole({ socketPath: roles.up.socket }, "/readyz", lookEveryMs * 50);
    ready = answer.kind === "answered" && answer.status === 200;
    if (!ready) await sleep(nodeClock, lookEveryMs);
  }
  const { up } = roles;
  const join = all.configService.issue === undefined ? undefined : await all.configService.invite("host");
  process.stdout.write(
    upText({
      configServiceUrl: all.configService.url,
      managerUrl: all.clusterManager.url,
      daemonUrl: all.daemon.url,
      proxyUrl: all.daemon.proxyUrl,
      socketPath: up.socket,
      socketFlag: up.socket !== placesHere().socketPath,
      dataDirectory: up.dataDir,
      dfget: commandName("dfget"),
      darner: commandName("darner"),
      open: all.open,
      join,
      ready,
    }),
  );
}

/** The command's name where a shell finds it under that, else its path. */
function commandName(name: string): string {
  // src/main.ts and dist/darner.cjs lie equally deep.
  const launcher = join(dirname(process.argv[1] ?? ""), "..", "bin", name);
  if (!existsSync(launcher)) return name;
  const found = (process.env["PATH"] ?? "").split(delimiter).map((folder) => join(folder, name));
  const first = found.find((path) => existsSync(path));
  return first !== undefined && realpathSync(first) === realpathSync(launcher) ? name : launcher;
}
