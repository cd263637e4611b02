/** Starts a cluster manager on the real platform: its cache, its port, its lease at the config service. */

import { hostname } from "node:os";
import type { ConfigClient } from "#cluster/mod.ts";
import { readSiteRanges, siteRangesKey, type ManagerEntry } from "#core/placement/mod.ts";
import { ClusterManager, managerRoutes, type GivenOrder, type PreheatDesk } from "#services/cluster-manager/mod.ts";
import { TaskCache, type SmallVersions } from "#storage/pieces/mod.ts";
import { readBootTag } from "#platform/machine/boot.node.ts";
import { nodeClock } from "#platform/machine/clock.node.ts";
import { createDialler } from "#platform/sockets/connection.node.ts";
import type { Disk } from "#platform/files/disk.ts";
import { createNodeDisk } from "#platform/files/disk.node.ts";
import { createNodeHttpServer } from "#platform/http-server/server.node.ts";
import type { NodeLog } from "#platform/telemetry/log.node.ts";
import { createNodeMetrics } from "#platform/telemetry/metrics.node.ts";
import { loadNative } from "#platform/native/calls.node.ts";
import { nodeRandom } from "#platform/machine/random.node.ts";
import { roleRoutes } from "#platform/http-server/role-routes.ts";
import { clusterManagerSettings, isLoopbackHost, reachPolicyOf, type Resolved } from "#settings/mod.ts";
import { httpUrl, ownAddress } from "./address.ts";
import { openDataDirectory, realOrigin, roleLog, type StartedRole } from "./ground.ts";
import { LiveSettings } from "./live-settings.ts";
import { openSmallVersions } from "./small-store.ts";
import { openStanding, type Issue, type Standing } from "./standing.ts";
import { upgradeToControl, upgradeToPieces } from "./upgrades.ts";

type Own = Resolved<typeof clusterManagerSettings.settings>;

export async function startClusterManager(resolved: Own, sharedLog?: NodeLog, issue?: Issue): Promise<StartedRole> {
  const { values } = resolved;
  const log = roleLog(values.logLevel, "cluster-manager", sharedLog);
  const trust = values.trust === "on";
  if (!trust) log.warn("trust.off", { meaning: "no joining, TLS or tickets: for closed networks only" });
  const { directory, key, release } = openDataDirectory(values.dataDir, "cluster-manager");
  const live = new LiveSettings(clusterManagerSettings, resolved, log);
  const native = loadNative();
  const small = openSmallVersions(directory, log);
  const cache = await openCache(createNodeDisk(native), directory, live, small);
  const { origin, close } = realOrigin(() => reachPolicyOf(live.values));
  const metrics = createNodeMetrics();
  const standing = await openStanding({ role: "manager", directory, key, values, log, metrics, issue });
  const advertised = { address: values.advertise ?? ownAddress(values.listen.host), port: values.listen.port };
  const managers = standing.config?.watchManagers(values.site === undefined ? {} : { site: values.site });
  const manager = new ClusterManager({
    clock: nodeClock,
    random: nodeRandom,
    log,
    metrics,
    origin,
    cache,
    dialler: createDialler(native, standing.identity),
    managers,
    name: hostname(),
    site: values.site,
    key,
    trust,
    isRevoked: (id) => standing.revocations.isRevoked(id),
    epochs: standing.epochs,
    advertise: () => advertised,
    settings: values,
  });
  live.onChange = (changed) => manager.applySettings(changed);
  standing.revocations.onRevoked = (ids) => manager.revoke(ids);
  const server = createNodeHttpServer(
    {
      routes: [
        ...roleRoutes({ metrics, live: () => undefined, ready: () => undefined, identity: standing.identity }),
        ...live.routes(),
        ...managerRoutes({ manager, cache }),
      ],
      upgrades: [
        upgradeToControl((connection, address, member) => manager.acceptControl(connection, address, member), native),
        upgradeToPieces((connection, host, nonce) => manager.acceptPieces(connection, host, nonce), native, key.id),
      ],
      admit: standing.admit,
      identity: standing.identity,
    },
    log,
  );
  const bound = await server.listen(values.listen);
  if (bound.kind === "tcp") advertised.port = bound.port;
  const url = httpUrl(advertised.address, advertised.port, standing.identity !== undefined);
  const leave = joinCluster(resolved, live, manager, url, standing);
  log.info("role.started", { url, data: directory, native: native.available, host: hostname() });
  return {
    url,
    async stop(graceMs) {
      managers?.stop();
      await leave();
      standing.stop();
      await manager.stop();
      small.end();
      await server.close(Math.min(graceMs, 1000));
      close();
      release();
    },
  };
}

function openCache(
  disk: Disk,
  directory: string,
  live: LiveSettings<typeof clusterManagerSettings.settings>,
  small: SmallVersions,
): Promise<TaskCache> {
  return TaskCache.open({
    disk,
    directory,
    boot: readBootTag(),
    quotaBytes: () => live.values.diskQuotaBytes,
    highWatermark: () => live.values.highWatermark,
    lowWatermark: () => live.values.lowWatermark,
    clock: nodeClock,
    spaceAhead: true,
    small,
  });
}

/** Keeps a lease at the config service and takes the cluster's settings from it. Returns what ends both. */
function joinCluster(
  { values }: Own,
  live: LiveSettings<typeof clusterManagerSettings.settings>,
  manager: ClusterManager,
  url: string,
  { config, revocations }: Standing,
): () => Promise<void> {
  if (config === undefined) return () => Promise.resolve();
  const registration = config.registerManager(manager.id, () => ({
    url,
    site: values.site ?? "",
    address: new URL(url).hostname,
    load: Math.min(1, manager.uploads.active / live.values.uploadSlots),
    version: "1.0",
    draining: manager.draining,
  }));
  manager.onDraining = () => registration.renewNow();
  const watch = config.watchSettings(({ settings }) => {
    revocations.take(settings);
    live.fromCluster(settings);
    const ranges = readSiteRanges(settings[siteRangesKey] ?? "");
    if (ranges.kind === "read") manager.setSiteRanges(ranges.ranges);
  });
  // Only a config service on this very machine can say that somebody stood at it.
  const local = isLoopbackHost(new URL(values.configService ?? url).hostname);
  void manager.preheater.serve(preheatDesk(config, manager.id, local));
  return async () => {
    watch.stop();
    await registration.stop();
  };
}

function preheatDesk(config: ConfigClient, manager: string, local: boolean): PreheatDesk {
  return {
    async open(signal) {
      const { orders, managers } = await config.preheatWork(signal);
      const given = (Array.isArray(orders) ? orders : []) as readonly (GivenOrder & { readonly near?: boolean })[];
      return {
        orders: given.map((order) => ({ ...order, caller: local && order.near === true ? "near" : "far" })),
        managers: (Array.isArray(managers) ? managers : []) as readonly ManagerEntry[],
      };
    },
    report: (order, progress) => config.reportPreheat(manager, order, progress),
  };
}
