/** Starts a host daemon on the real platform: its socket, its piece port, its way to the managers. */

import { hostname } from "node:os";
import { dirname } from "node:path";
import { staticManagers, type ManagerDirectory } from "#cluster/mod.ts";
import { parseAddress } from "#core/placement/mod.ts";
import { daemonRoutes, HostDaemon } from "#services/host-daemon/mod.ts";
import { TaskCache } from "#storage/pieces/mod.ts";
import { readBootTag } from "#platform/machine/boot.node.ts";
import { nodeClock } from "#platform/machine/clock.node.ts";
import { createDialler } from "#platform/sockets/connection.node.ts";
import type { DescriptorInbox } from "#platform/sockets/descriptor-inbox.ts";
import { openDescriptorInbox } from "#platform/sockets/descriptor-inbox.node.ts";
import type { Disk } from "#platform/files/disk.ts";
import { createNodeDisk, nodeDisk } from "#platform/files/disk.node.ts";
import type { Admission, HttpServer, RouteRequest } from "#platform/http-server/server.ts";
import { createNodeHttpServer } from "#platform/http-server/server.node.ts";
import type { NodeLog } from "#platform/telemetry/log.node.ts";
import type { Metrics } from "#platform/telemetry/metrics.ts";
import { createNodeMetrics } from "#platform/telemetry/metrics.node.ts";
import type { Native } from "#platform/native/calls.ts";
import { loadNative } from "#platform/native/calls.node.ts";
import { nodeRandom } from "#platform/machine/random.node.ts";
import { roleRoutes } from "#platform/http-server/role-routes.ts";
import {
  daemonWatermarks,
  hostDaemonSettings,
  reachPolicyOf,
  type Resolved,
  type SettingChanges,
} from "#settings/mod.ts";
import { openDataDirectory, realOrigin, roleLog, type StartedRole } from "./ground.ts";
import { httpUrl, isWildcard, ownAddress } from "./address.ts";
import { startImageProxy, type StartedProxy } from "./image-proxy.ts";
import { LiveSettings } from "./live-settings.ts";
import { openStanding, type Issue, type Standing } from "./standing.ts";
import { upgradeToPieces } from "./upgrades.ts";

const lingerCheckMs = 250;

type Own = Resolved<typeof hostDaemonSettings.settings>;

export interface StartedDaemon extends StartedRole {
  /** Where engines find the image proxy; undefined when it is off. */
  readonly proxyUrl: string | undefined;
}

export async function startHostDaemon(resolved: Own, sharedLog?: NodeLog, issue?: Issue): Promise<StartedDaemon> {
  const { values } = resolved;
  const log = roleLog(values.logLevel, "daemon", sharedLog);
  const trust = values.trust === "on";
  if (!trust) log.warn("trust.off", { meaning: "no joining, TLS or tickets: for closed networks only" });
  const { directory, key, release } = openDataDirectory(values.dataDir, "daemon");
  const live = new LiveSettings(hostDaemonSettings, resolved, log);
  const native = loadNative();
  const disk = createNodeDisk(native);
  const { origin, close } = realOrigin(() => reachPolicyOf(live.values));
  const metrics = createNodeMetrics();
  const standing = await openStanding({ role: "host", directory, key, values, log, metrics, issue });
  const cluster = findCluster(resolved, standing);
  const inbox = await openInbox(values.socket, native);
  const advertised = advertisedBy(values);
  const daemon = new HostDaemon({
    clock: nodeClock,
    random: nodeRandom,
    log,
    metrics,
    disk,
    dialler: createDialler(native, standing.identity),
    origin,
    cache: await openCache(disk, directory, live),
    boot: readBootTag(),
    inbox,
    directory: cluster.managers,
    key,
    trust,
    isRevoked: (id) => standing.revocations.isRevoked(id),
    name: hostname(),
    site: values.site ?? "",
    advertise: () => advertised,
    settings: values,
  });
  live.onChange = (changed) => daemon.applySettings(changed);
  standing.revocations.onRevoked = (ids) => daemon.revoke(ids);
  const servers = createServers(daemon, live, metrics, native, key.id, standing.admit, log);
  let proxy: StartedProxy | undefined;
  const stop = async (graceMs: number): Promise<void> => {
    cluster.leave();
    await proxy?.stop(Math.min(graceMs, 1000));
    standing.stop();
    await daemon.stop();
    await Promise.all([inbox?.close(), ...servers.all.map((server) => server.close(Math.min(graceMs, 1000)))]);
    close();
    release();
  };
  try {
    const bound = await servers.pieces.listen(values.listen);
    if (bound.kind === "tcp") advertised.port = bound.port;
    // Asks are taken from here on: everything else is ready.
    proxy = await startImageProxy({ daemon, directory, origin, live, resolved, log, metrics });
    await servers.local.listen({ kind: "unix", path: values.socket, permissions: socketPermissions() });
  } catch (error) {
    await stop(0);
    throw error;
  }
  daemon.start();
  cluster.watchSettings((changes) => live.fromCluster(changes));
  const url = httpUrl(values.advertise ?? ownAddress(values.listen.host), advertised.port);
  const { available } = native;
  log.info("role.started", { url, socket: values.socket, data: directory, native: available, proxy: proxy?.url });
  return {
    url,
    stop,
    proxyUrl: proxy?.url,
    ...(values.lingerMs === Infinity ? {} : { ended: whenIdle(daemon, values.lingerMs) }),
  };
}

/** Where peers reach this host's pieces; an empty address: where the manager sees it. The port is known later. */
function advertisedBy({ advertise, listen }: Own["values"]): { readonly address: string; port: number } {
  return { address: advertise ?? (isWildcard(listen.host) ? "" : listen.host), port: listen.port };
}

const asRoot = (): boolean => process.getuid?.() === 0;
const socketPermissions = (): number => (asRoot() ? 0o660 : 0o600);

async function openInbox(socket: string, native: Native): Promise<DescriptorInbox | undefined> {
  await nodeDisk.makeDirectory(dirname(socket), { permissions: asRoot() ? 0o755 : 0o700 });
  if (!native.available) return undefined;
  const ownUid = process.getuid?.() ?? 0;
  return await openDescriptorInbox(native, {
    path: `${socket}.fd`,
    permissions: socketPermissions(),
    mayHandOver: (uid) => asRoot() || uid === ownUid,
  });
}

function openCache(
  disk: Disk,
  directory: string,
  live: LiveSettings<typeof hostDaemonSettings.settings>,
): Promise<TaskCache> {
  return TaskCache.open({
    disk,
    directory,
    boot: readBootTag(),
    quotaBytes: () => live.values.cacheQuotaBytes,
    highWatermark: () => daemonWatermarks.high,
    lowWatermark: () => daemonWatermarks.low,
    clock: nodeClock,
    // What streams and parts of objects are read from: it may stay a part.
    spaceAhead: false,
  });
}

/** The piece plane for peers, and the unix socket for this host's users. */
function createServers(
  daemon: HostDaemon,
  live: LiveSettings<typeof hostDaemonSettings.settings>,
  metrics: Metrics,
  native: Native,
  id: string,
  admit: Admission,
  log: NodeLog,
): { pieces: HttpServer; local: HttpServer; all: readonly HttpServer[] } {
  const routes = roleRoutes({
    metrics,
    live: () => undefined,
    ready: () => (daemon.managerConnected ? undefined : "no manager answers"),
  });
  const toPieces = upgradeToPieces(
    (connection, host, nonce) => daemon.acceptPieces(connection, host, nonce),
    native,
    id,
  );
  const pieces = createNodeHttpServer({ routes, upgrades: [toPieces], admit }, log);
  const userOf = (request: RouteRequest): number | undefined => native.peerCredentials(request.raw.socket)?.uid;
  const own = [...routes, ...live.routes(), ...daemonRoutes({ daemon, userOf })];
  const local = createNodeHttpServer({ routes: own, upgrades: [], admit }, log);
  return { pieces, local, all: [pieces, local] };
}

interface Cluster {
  readonly managers: ManagerDirectory | undefined;
  watchSettings(onSettings: (changes: SettingChanges) => void): void;
  leave(): void;
}

/** What decides which manager is nearest: the site, or the address at which others reach this host. */
function placeOf({ site, advertise }: Own["values"]): { readonly site?: string; readonly address?: string } {
  const address = advertise !== undefined && parseAddress(advertise) !== undefined ? { address: advertise } : {};
  return site === undefined ? address : { ...address, site };
}

/** The managers that the settings name, or those that the config service tells of. */
function findCluster({ values }: Own, { config, revocations }: Standing): Cluster {
  const trust = values.trust === "on";
  const managers =
    values.manager.length > 0
      ? staticManagers(values.manager, trust, nodeClock)
      : config?.watchManagers(placeOf(values));
  let stopWatching = (): void => {};
  return {
    managers,
    watchSettings(onSettings) {
      const watch = config?.watchSettings(({ settings }) => {
        revocations.take(settings);
        onSettings(settings);
      });
      stopWatching = () => watch?.stop();
    },
    leave() {
      stopWatching();
      managers?.stop();
    },
  };
}

/** Resolves when nothing was got or sent for `lingerMs`. */
function whenIdle(daemon: HostDaemon, lingerMs: number): Promise<void> {
  return new Promise((resolve) => {
    let idleSinceMs = performance.now();
    const timer = setInterval(() => {
      if (!daemon.idle) idleSinceMs = performance.now();
      if (performance.now() - idleSinceMs < lingerMs) return;
      clearInterval(timer);
      resolve();
    }, lingerCheckMs);
    timer.unref();
  });
}
