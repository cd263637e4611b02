/** The settings that several roles share, and the rule that keeps a cluster's talk private. */

import { DarnerError } from "#base/mod.ts";
import { optional, several } from "./kind.ts";
import { choice, host, listenAddress, name, roleUrl, text, type TcpAddress } from "./kinds.ts";
import { setting, type Setting } from "./setting.ts";

const topic = "Common";

/** Every command that reads settings has these. */
export const baseSettings = {
  config: setting({
    name: "config",
    kind: optional(text("FILE")),
    default: { text: "the first of the default places that exists", from: () => undefined },
    topic,
    help: "settings file (YAML)",
  }),
  logLevel: setting({
    name: "log-level",
    kind: choice("debug", "info", "warn", "error"),
    default: "info",
    live: true,
    topic,
    help: "least level of the JSON log lines on standard error",
  }),
  trust: setting({
    name: "trust",
    kind: choice("on", "off"),
    default: "on",
    topic,
    help: "off: no TLS, no joining, no tickets between Darner's processes (closed labs only)",
  }),
  dataDir: setting({
    name: "data-dir",
    kind: text("DIR"),
    default: {
      text: "`/var/lib/darner` (root), `$XDG_DATA_HOME/darner` (others)",
      from: (places) => places.dataDirectory,
    },
    topic,
    help: "where caches and state are kept",
  }),
} as const;

/** Which cluster a process belongs to. */
export const clusterSettings = {
  site: setting({
    name: "site",
    kind: optional(name),
    default: undefined,
    topic,
    help: "name of the site this host stands in; bytes within a site are cheap",
  }),
  configService: setting({
    name: "config-service",
    kind: optional(roleUrl),
    default: undefined,
    topic,
    help: "the config service, which tells the nearest cluster managers",
  }),
} as const;

export const managerSetting = setting({
  name: "manager",
  kind: several(roleUrl),
  default: [],
  topic,
  help: "cluster managers to use, the first that answers; goes before --config-service",
});

export const sealSetting = setting({
  name: "seal",
  kind: choice("credentialed", "marked"),
  default: "credentialed",
  live: true,
  topic,
  help: "which objects travel and lie encrypted: those that a credential is sent for and those marked sensitive, or the marked alone",
});

export const socketSetting = setting({
  name: "socket",
  kind: text("PATH"),
  default: {
    text: "`/run/darner/darner.sock` (root), `$XDG_RUNTIME_DIR/darner/darner.sock` (others)",
    from: (places) => places.socketPath,
  },
  topic,
  help: "unix socket of the host daemon",
});

/** The settings of a role that listens; `port` is its usual one. */
export function listenSettings(port: number): {
  readonly listen: Setting<TcpAddress>;
  readonly advertise: Setting<string | undefined>;
} {
  return {
    listen: setting({
      name: "listen",
      kind: listenAddress,
      default: { kind: "tcp", host: "0.0.0.0", port },
      topic,
      help: "address to listen on; port 0: any free one",
    }),
    advertise: setting({
      name: "advertise",
      kind: optional(host),
      default: { text: "the address the other side sees", from: () => undefined },
      topic,
      help: "host name or address that others reach this process by",
    }),
  };
}

/** Throws `trust.required` for a process beyond loopback that would be spoken to in clear. */
export function checkTrust(trust: "on" | "off", urls: readonly (string | undefined)[]): void {
  if (trust === "off") return;
  for (const url of urls) {
    if (url === undefined || !url.startsWith("http:") || isLoopbackHost(new URL(url).hostname)) continue;
    const next = "join its cluster with darner join, or say --trust off in a closed network";
    throw new DarnerError("trust.required", `cannot use ${url}: it is unencrypted and beyond this machine; ${next}`);
  }
}

export function isLoopbackHost(hostname: string): boolean {
  return hostname === "localhost" || hostname === "[::1]" || hostname === "::1" || /^127(?:\.\d+){3}$/.test(hostname);
}
