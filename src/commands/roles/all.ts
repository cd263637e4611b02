/**
 * Config service, cluster manager and host daemon in one process: started in this order, ended in the
 * other. Nothing is made while an address is taken, and what was started ends when a later one fails.
 */

import { DarnerError } from "#base/mod.ts";
import type { NodeLog } from "#platform/telemetry/log.node.ts";
import { nodeMachine } from "#platform/machine/machine.node.ts";
import { isLoopbackHost, type TcpAddress, type UpRoles } from "#settings/mod.ts";
import { httpUrl } from "./address.ts";
import { startClusterManager } from "./cluster-manager.ts";
import { startConfigService, type StartedConfigService } from "./config-service.ts";
import type { StartedRole } from "./ground.ts";
import { startHostDaemon, type StartedDaemon } from "./host-daemon.ts";

const answerTimeoutMs = 1000;

export interface AllRoles {
  /** Other machines can reach the manager. */
  readonly open: boolean;
  readonly configService: StartedConfigService;
  readonly clusterManager: StartedRole;
  readonly daemon: StartedDaemon;
  stop(graceMs: number): Promise<void>;
}

/** Rejects with `port.taken`, `listen.failed`, `store.locked` or what else keeps a role from starting. */
export async function startAll(roles: UpRoles, log: NodeLog): Promise<AllRoles> {
  // Any URL does: where a role listens does not depend on it.
  const soon = "http://127.0.0.1:1";
  await assertFree("config-service", roles.configService.values.listen);
  await assertFree("cluster-manager", roles.clusterManager(soon).values.listen);
  await assertFree("daemon", roles.daemon(soon).values.listen);
  await assertNoDaemon(roles.up.socket);
  const started: StartedRole[] = [];
  const stop = async (graceMs: number): Promise<void> => {
    for (const role of started.splice(0).reverse()) await role.stop(graceMs);
  };
  const keep = <R extends StartedRole>(role: R): R => {
    started.push(role);
    return role;
  };
  try {
    const configService = keep(await startConfigService(roles.configService, log));
    const url = urlHere(roles.configService.values.listen, configService.url);
    const { issue } = configService;
    const clusterManager = keep(await startClusterManager(roles.clusterManager(url), log, issue));
    const daemon = keep(await startHostDaemon(roles.daemon(url), log, issue));
    const open = !isLoopbackHost(roles.clusterManager(url).values.listen.host);
    return { open, configService, clusterManager, daemon, stop };
  } catch (error) {
    await stop(0);
    throw error;
  }
}

async function assertFree(role: string, address: TcpAddress): Promise<void> {
  if (address.port === 0 || (await nodeMachine.canListen(address)) !== "taken") return;
  const host = address.host.includes(":") ? `[${address.host}]` : address.host;
  const next = `stop it, or choose another with --${role}-port PORT`;
  const message = `cannot listen on ${host}:${address.port} for the ${role.replace("-", " ")}: another process listens there already; ${next}`;
  throw new DarnerError("port.taken", message, { facts: { address: `${host}:${address.port}` } });
}

async function assertNoDaemon(socketPath: string): Promise<void> {
  const answer = await nodeMachine.askRole({ socketPath }, "/healthz", answerTimeoutMs);
  if (answer.kind !== "answered") return;
  const next = "stop it, or choose another with --socket PATH";
  throw new DarnerError("port.taken", `cannot listen on ${socketPath}: a process listens there already; ${next}`);
}

/** How the others in this process reach a role, whatever it tells the network. */
function urlHere(listen: TcpAddress, advertised: string): string {
  const { port, protocol } = new URL(advertised);
  const host = listen.host === "0.0.0.0" ? "127.0.0.1" : listen.host === "::" ? "::1" : listen.host;
  return httpUrl(host, Number(port), protocol === "https:");
}
