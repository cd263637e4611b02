/** `darner doctor`: the checks of clients/darner, on this machine and with its settings. */

import { asDarnerError } from "#base/mod.ts";
import { examine, type Finding } from "#clients/darner/mod.ts";
import { createNodeHttpJson } from "#platform/http-asks/json.node.ts";
import { nodeMachine } from "#platform/machine/machine.node.ts";
import { loadNative } from "#platform/native/calls.node.ts";
import {
  clusterManagerSettings,
  configServiceSettings,
  hostDaemonSettings,
  portGiven,
  resolveSettings,
  roleUrl,
  settingsGroups,
  unknownVariables,
  upSettings,
  type SettingsGroup,
  type SettingSources,
  type TcpAddress,
  type ValuesOf,
} from "#settings/mod.ts";
import { addSettings, givenFlags, newCommand, parseCommandLine, type Flags } from "./line/command-line.ts";
import { examineMemberships } from "./doctor-memberships.ts";
import { loadSources, placesHere, resolveJoined } from "./line/load-settings.ts";

/**
 * What a host's own settings tell about its cluster is the daemon's. One `listen` would be for every
 * role at once, so each has its port's flag instead, as in `darner up`.
 */
const { config, dataDir, socket, manager, configService, proxyListen } = hostDaemonSettings.settings;
const { configServicePort, clusterManagerPort, daemonPort } = upSettings.settings;
const asked: readonly SettingsGroup[] = [
  {
    section: hostDaemonSettings.section,
    title: "",
    settings: {
      config,
      dataDir,
      socket,
      manager,
      configService,
      configServicePort,
      clusterManagerPort,
      daemonPort,
      proxyListen,
    },
  },
];
const answerTimeoutMs = 3000;

export async function run(argv: readonly string[]): Promise<number> {
  const program = newCommand("darner doctor", "Check that this machine can run Darner; changes nothing.");
  program.option("--json", "one JSON document");
  addSettings(program, asked, placesHere());
  const findings: Finding[] = [];
  program.action(async () => void findings.push(...(await examineHere(givenFlags(program, asked)))));
  if (await parseCommandLine(program, argv)) return 0;
  const isJson = program.opts<{ json?: boolean }>().json === true;
  process.stdout.write(isJson ? `${JSON.stringify(findings, null, 2)}\n` : table(findings));
  return findings.some((finding) => finding.level === "fail") ? 1 : 0;
}

async function examineHere(flags: Flags): Promise<Finding[]> {
  const { sources, trouble } = await soundSources(flags);
  const daemon = resolveJoined(hostDaemonSettings, sources).values;
  const manager = resolveSettings(clusterManagerSettings, sources).values;
  const config = resolveSettings(configServiceSettings, sources).values;
  const native = loadNative();
  const found = await examine(nodeMachine, {
    ports: {
      "config service": listenOf(configServiceSettings.section, config, sources),
      "cluster manager": listenOf(clusterManagerSettings.section, manager, sources),
      "host daemon": listenOf(hostDaemonSettings.section, daemon, sources),
      ...(daemon.proxyListen === "off" ? {} : { "image proxy": daemon.proxyListen }),
    },
    socketPath: daemon.socket,
    dataDirectory: daemon.dataDir,
    ...(await clusterOf(daemon)),
    nativeAvailable: native.available,
  });
  const strange = unknownVariables(sources.environment, settingsGroups);
  const variables = strange.map((name): Finding => ({
    level: "warn",
    subject: "environment",
    text: `${name} names no setting and has no effect`,
  }));
  return [...trouble, ...variables, ...found, ...(await examineMemberships(daemon.dataDir))];
}

function listenOf(section: string, { listen }: { readonly listen: TcpAddress }, sources: SettingSources): TcpAddress {
  return { ...listen, port: portGiven(section, sources) ?? listen.port };
}

interface OwnCluster {
  readonly managers: readonly string[];
  readonly configService: string | undefined;
}

/** The cluster that is set here, else the one that the running daemon was told of when it started. */
async function clusterOf(daemon: ValuesOf<typeof hostDaemonSettings.settings>): Promise<OwnCluster> {
  const own = { managers: daemon.manager, configService: daemon.configService };
  if (own.managers.length > 0 || own.configService !== undefined) return own;
  const http = createNodeHttpJson();
  try {
    const answer = (await http.request({
      method: "GET",
      url: new URL("http://daemon/v1/settings"),
      socketPath: daemon.socket,
      timeoutMs: answerTimeoutMs,
    })) as { readonly settings?: readonly { readonly name: string; readonly value: string }[] };
    const told = (name: string): string[] => {
      const value = answer.settings?.find((setting) => setting.name === name)?.value ?? "";
      return value.split(",").filter((url) => "value" in roleUrl.read([url]));
    };
    return { managers: told("manager"), configService: told("config-service")[0] };
  } catch {
    return own; // Why it does not answer is a finding of its own.
  } finally {
    http.close();
  }
}

interface SoundSources {
  readonly sources: SettingSources;
  readonly trouble: Finding[];
}

/** With settings that cannot be used, the rest is still looked at, as if there were none. */
async function soundSources(flags: Flags): Promise<SoundSources> {
  try {
    const sources = await loadSources(flags);
    for (const group of settingsGroups) resolveSettings(group, sources);
    return {
      sources,
      trouble: [{ level: "ok", subject: "settings", text: sources.file?.path ?? "no file, defaults" }],
    };
  } catch (error) {
    const trouble: Finding = { level: "fail", subject: "settings", text: asDarnerError(error).message };
    return { sources: { flags: {}, environment: {}, places: placesHere() }, trouble: [trouble] };
  }
}

function table(findings: readonly Finding[]): string {
  const width = Math.max(...findings.map(({ subject }) => subject.length));
  return findings.map(({ level, subject, text }) => `${level.padEnd(4)}  ${subject.padEnd(width)}  ${text}\n`).join("");
}
