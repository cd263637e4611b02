/**
 * The settings of `darner up`, which runs three roles in one process, and what each role gets of them.
 *
 * A role's own settings (limits, quotas, its section of the file) hold as when it runs alone. Where
 * the roles listen must differ, so `listen` is a host here, for all three, and each has its own port:
 * flag or variable, else its section's `listen`, else the usual one.
 */

import { DarnerError } from "#base/mod.ts";
import { clusterManagerSettings } from "./cluster-manager.ts";
import { baseSettings, clusterSettings, isLoopbackHost, listenSettings, socketSetting } from "./common.ts";
import { configServiceSettings } from "./config-service.ts";
import { hostDaemonSettings } from "./host-daemon.ts";
import { imageProxySettings } from "./image-proxy.ts";
import { count, listenAddress, listenHost, type TcpAddress } from "./kinds.ts";
import { resolveSettings, type Resolved, type SettingSources } from "./resolve.ts";
import {
  setting,
  settingsGroup,
  type Declarations,
  type Setting,
  type SettingsGroup,
  type ValuesOf,
} from "./setting.ts";

const ports = "Ports";

function portSetting(role: string, port: number): Setting<number> {
  return setting({
    name: `${role}-port`,
    kind: count({ min: 0, max: 65_535 }),
    default: port,
    topic: ports,
    help: `port of the ${role.replace("-", " ")}; 0: any free one`,
  });
}

export const upSettings = settingsGroup({
  section: "up",
  title: "Everything in one process",
  settings: {
    ...baseSettings,
    logLevel: setting({ ...baseSettings.logLevel, default: "warn" }),
    site: clusterSettings.site,
    socket: socketSetting,
    listen: setting({
      name: "listen",
      kind: listenHost,
      default: { host: "127.0.0.1", port: undefined },
      topic: ports,
      help: "host or address that all three listen on; 0.0.0.0: every interface",
    }),
    advertise: listenSettings(0).advertise,
    configServicePort: portSetting("config-service", 8080),
    clusterManagerPort: portSetting("cluster-manager", 8002),
    daemonPort: portSetting("daemon", 65002),
    proxyListen: imageProxySettings.proxyListen,
    proxyUpstreams: imageProxySettings.proxyUpstreams,
  },
});

/** The three roles of one `darner up`; the latter two know the config service by its URL. */
export interface UpRoles {
  readonly up: ValuesOf<typeof upSettings.settings>;
  readonly configService: Resolved<typeof configServiceSettings.settings>;
  readonly clusterManager: (configServiceUrl: string) => Resolved<typeof clusterManagerSettings.settings>;
  readonly daemon: (configServiceUrl: string) => Resolved<typeof hostDaemonSettings.settings>;
}

/** Throws `settings.invalid`, `trust.required`. */
export function upRoles(sources: SettingSources): UpRoles {
  const { values: up, origins } = resolveSettings(upSettings, sources);
  if (up.listen.port !== undefined) {
    const next = "say the host alone, and the ports with --config-service-port, --cluster-manager-port, --daemon-port";
    const message = `cannot listen on port ${up.listen.port} (${origins.listen.text}): three roles need three ports; ${next}`;
    throw new DarnerError("settings.invalid", message);
  }
  const hostGiven = origins.listen.kind !== "default";
  const rolesSources = <D extends Declarations>(group: SettingsGroup<D>, flags: SettingSources["flags"]) => {
    const own = portOf(group, sources);
    const host = hostGiven ? up.listen.host : (own.host ?? up.listen.host);
    return {
      ...sources,
      flags: { ...shared(up), ...flags, listen: [listenAddress.write({ kind: "tcp", host, port: own.port })] },
    };
  };
  const { proxyListen, proxyUpstreams } = upSettings.settings;
  const isGiven = (property: keyof typeof origins): boolean => origins[property].kind !== "default";
  const proxy = {
    ...(isGiven("proxyListen") ? { "proxy-listen": [proxyListen.kind.write(up.proxyListen)] } : {}),
    ...(isGiven("proxyUpstreams") ? { "proxy-upstream": [proxyUpstreams.kind.write(up.proxyUpstreams)] } : {}),
  };
  const toConfigService = (url: string) => ({ "config-service": [url] });
  const roles: UpRoles = {
    up,
    configService: resolveSettings(configServiceSettings, rolesSources(configServiceSettings, {})),
    clusterManager: (url) =>
      resolveSettings(clusterManagerSettings, rolesSources(clusterManagerSettings, toConfigService(url))),
    // Its own manager is the cluster; and it serves as long as the others do.
    daemon: (url) =>
      resolveSettings(
        hostDaemonSettings,
        rolesSources(hostDaemonSettings, { ...toConfigService(url), manager: [""], linger: ["never"], ...proxy }),
      ),
  };
  assertJoinable(roles);
  return roles;
}

/**
 * Where a role listens on this machine: its port flag or variable goes before its own `listen`, of
 * which only the file's section counts, since a flag or variable called `listen` is for all.
 */
function portOf<D extends Declarations>(
  group: SettingsGroup<D>,
  sources: SettingSources,
): { readonly host: string | undefined; readonly port: number } {
  const inSection = sources.file?.entries.filter((entry) => entry.section === group.section) ?? [];
  const file = sources.file === undefined ? undefined : { ...sources.file, entries: inSection };
  const alone: SettingsGroup = { section: group.section, title: "", settings: { listen: group.settings["listen"]! } };
  const own = resolveSettings(alone, { ...sources, flags: {}, environment: {}, file });
  const listen = own.values["listen"] as TcpAddress;
  const port = portGiven(group.section, sources);
  return { host: own.origins["listen"]!.kind === "file" ? listen.host : undefined, port: port ?? listen.port };
}

/** Of a role's port flag, variable or key; undefined where nobody said one. */
export function portGiven(section: string, sources: SettingSources): number | undefined {
  const { configServicePort, clusterManagerPort, daemonPort } = upSettings.settings;
  const found = [configServicePort, clusterManagerPort, daemonPort].find(({ name }) => name === `${section}-port`);
  if (found === undefined) return undefined;
  const { values, origins } = resolveSettings({ section: "up", title: "", settings: { port: found } }, sources);
  return origins.port.kind === "default" ? undefined : values.port;
}

/** What `up` says for every role, as if by flags. */
function shared(up: ValuesOf<typeof upSettings.settings>): Record<string, readonly string[]> {
  const given = (name: string, text: string | undefined) => (text === undefined ? {} : { [name]: [text] });
  return {
    "log-level": [up.logLevel],
    "trust": [up.trust],
    "data-dir": [up.dataDir],
    "socket": [up.socket],
    ...given("site", up.site),
    ...given("advertise", up.advertise),
  };
}

/** Throws `trust.required`: who is reached from other machines must be where these can join. */
function assertJoinable({ up, configService, clusterManager }: UpRoles): void {
  const { host } = clusterManager("http://127.0.0.1:1").values.listen;
  if (up.trust === "off" || isLoopbackHost(host) || !isLoopbackHost(configService.values.listen.host)) return;
  const why = "other machines could not join, since the config service listens on this machine alone";
  const next = "let it listen there too, or add --trust off in a closed network";
  throw new DarnerError("trust.required", `cannot listen on ${host} for the cluster manager: ${why}; ${next}`);
}
