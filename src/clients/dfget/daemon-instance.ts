/**
 * The daemon that dfget starts for its user when a manager is configured and none runs.
 *
 * A manager named for one call (by a flag or the environment) gets a daemon of its own, with a socket
 * and a data directory named after it: the daemon that serves the settings file's cluster knows
 * nothing of it.
 */

import type { DfgetSettings } from "./run.ts";
import { sha256Hex } from "#platform/keys/digest.ts";
import type { DaemonOrder } from "./ports.ts";

export interface ClusterFacts {
  readonly socketNamed: boolean;
  /** By a flag or the environment, so for this call. */
  readonly clusterNamedForCall: boolean;
}

export function socketFor(settings: DfgetSettings, facts: ClusterFacts): string {
  const instance = instanceOf(settings, facts);
  if (instance === undefined) return settings.socket;
  return `${settings.socket.slice(0, settings.socket.lastIndexOf("/") + 1)}dfget-${instance}.sock`;
}

export function daemonOrder(settings: DfgetSettings, facts: ClusterFacts): DaemonOrder {
  const { manager, configService, site, trust, config } = settings;
  const instance = instanceOf(settings, facts);
  const socketPath = socketFor(settings, facts);
  const dataDirectory = instance === undefined ? settings.dataDir : `${settings.dataDir}/dfget-${instance}`;
  const flags = ["--socket", socketPath, "--data-dir", dataDirectory, "--trust", trust];
  flags.push("--proxy-listen", "off");
  flags.push("--linger", settings.lingerMs === Infinity ? "never" : `${Math.round(settings.lingerMs)}ms`);
  // The usual port may be the machine's own daemon's.
  flags.push("--listen", "0.0.0.0:0");
  if (manager.length > 0) flags.push("--manager", manager.join(","));
  if (configService !== undefined) flags.push("--config-service", configService);
  if (site !== undefined) flags.push("--site", site);
  if (config !== undefined) flags.push("--config", config);
  return { socketPath, dataDirectory, flags };
}

/** 16 hex digits that tell one cluster from another; undefined for the usual daemon. */
function instanceOf(settings: DfgetSettings, facts: ClusterFacts): string | undefined {
  if (facts.socketNamed || !facts.clusterNamedForCall) return undefined;
  const { manager, configService = "", site = "", trust } = settings;
  return sha256Hex(JSON.stringify([manager, configService, site, trust])).slice(0, 16);
}
