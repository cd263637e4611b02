/** `dfget`: the command line, the real hands, and the signals of one call. */

import { homedir } from "node:os";
import { runDfget, type DfgetPorts } from "#clients/dfget/mod.ts";
import { DarnerError } from "#base/mod.ts";
import { readBootTag } from "#platform/machine/boot.node.ts";
import { nodeClock } from "#platform/machine/clock.node.ts";
import { nodeDisk } from "#platform/files/disk.node.ts";
import { createNodeLocalHttp } from "#platform/http-asks/local.node.ts";
import type { Native } from "#platform/native/calls.ts";
import { nodeOutputFiles } from "#platform/files/output-files.node.ts";
import { nodeRandom } from "#platform/machine/random.node.ts";
import { createNodeTerminal } from "#platform/machine/terminal.node.ts";
import { dfgetSettings, type SettingsGroup } from "#settings/mod.ts";
import type { Flags } from "./line/command-line.ts";
import { loadSources, placesHere, resolveJoined } from "./line/load-settings.ts";
import { quickFlags } from "./line/quick-flags.ts";

// A group's check takes its own values only, so that the list can promise nothing about them.
const groups = [dfgetSettings] as unknown as readonly SettingsGroup[];
/** A signal ends what runs within this time; a second one ends the process at once. */
const stopMsMax = 3000;

export async function run(argv: readonly string[]): Promise<number> {
  const line = quickFlags(argv, groups) ?? (await readCommandLine(argv));
  if (line === "help") return 0;
  const { flags, words: urls } = line;
  const { values, origins } = resolveJoined(dfgetSettings, await loadSources(flags));
  const forCall = (kind: string): boolean => kind === "flag" || kind === "environment";
  return await runDfget(portsHere(), {
    settings: values,
    urls,
    socketNamed: origins.socket.kind !== "default",
    clusterNamedForCall: forCall(origins.manager.kind) || forCall(origins.configService.kind),
  });
}

/** Everything else that a command line may be, and what is wrong with it. */
async function readCommandLine(
  argv: readonly string[],
): Promise<{ readonly flags: Flags; readonly words: readonly string[] } | "help"> {
  process.stdout.on("error", readerIsGone);
  const { addSettings, expandAliases, givenFlags, newCommand, parseCommandLine } =
    await import("./line/command-line.ts");
  const { darnerVersion } = await import("./line/top-level.ts");
  const program = newCommand(
    "dfget",
    "Gets objects: from peers and a cluster manager where there are some, else alone.",
  );
  program.argument("[URL...]", "what to get").version(darnerVersion(), "-V, --version", "show the version");
  addSettings(program, groups, placesHere());
  const words: string[] = [];
  program.action((given: string[]) => void words.push(...given));
  if (await parseCommandLine(program, expandAliases(argv, groups))) return "help";
  return { flags: givenFlags(program, groups), words };
}

/** Whoever reads our output may stop reading (`| head`): no failure. */
function readerIsGone(error: NodeJS.ErrnoException): never {
  process.exit(error.code === "EPIPE" ? 0 : 1);
}

function portsHere(): DfgetPorts {
  return {
    clock: nodeClock,
    random: nodeRandom,
    disk: nodeDisk,
    outputs: nodeOutputFiles,
    terminal: createNodeTerminal(readerIsGone),
    localHttp: createNodeLocalHttp(loadNative),
    boot: readBootTag,
    openOrigin,
    async startDaemon({ flags, dataDirectory }) {
      const { startDetachedDaemon } = await import("#platform/machine/daemon-start.node.ts");
      // main.ts, or the bundle of it, which lies beside dfget's own.
      const program = process.argv[1]!.replace(/\/dfget\.cjs$/, "/darner.cjs");
      return await startDetachedDaemon({ program, flags, dataDirectory });
    },
    netrcPath: process.env["NETRC"] || homePath(".netrc"),
    signal: untilSignal(),
  };
}

let native: Promise<Native> | undefined;
const loadNative = (): Promise<Native> =>
  (native ??= import("#platform/native/calls.node.ts").then((module) => module.loadNative()));

const openOrigin: DfgetPorts["openOrigin"] = async ({ caCertificates, waitMsMax }) => {
  const { createNodeHttpClient } = await import("#platform/http-client/client.node.ts");
  const { createOrigins } = await import("#origins/mod.ts");
  const connectTimeoutMs = Math.min(waitMsMax, 30_000);
  const httpClient = createNodeHttpClient({
    caCertificates,
    connectTimeoutMs,
    idleTimeoutMs: waitMsMax,
    loadNative,
  });
  return { origin: createOrigins({ httpClient, clock: nodeClock }), close: () => httpClient.close() };
};

function homePath(name: string): string | undefined {
  try {
    return `${homedir()}/${name}`;
  } catch {
    return undefined;
  }
}

function untilSignal(): AbortSignal {
  const controller = new AbortController();
  const stop = (signal: NodeJS.Signals): void => {
    const error = new DarnerError("interrupted", `stopped by ${signal}; what came is kept for the next run`);
    if (controller.signal.aborted) process.exit(error.exitStatus);
    setTimeout(() => process.exit(error.exitStatus), stopMsMax).unref();
    controller.abort(error);
  };
  process.on("SIGINT", stop).on("SIGTERM", stop).on("SIGHUP", stop);
  return controller.signal;
}
