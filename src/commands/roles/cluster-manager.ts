/** Starts a cluster manager on the real platform: its cache, its port, its lease at the config service. */

import { hostname } from "node:os";
import { ClusterManager, managerRoutes, type ConnectionOwner } from "#services/cluster-manager/mod.ts";
import { TaskCache } from "#storage/pieces/mod.ts";
import { readBootTag } from "#platform/boot.node.ts";
import { nodeClock } from "#platform/clock.node.ts";
import { nodeDisk } from "#platform/disk.node.ts";
import { createNodeHttpServer } from "#platform/http-server.node.ts";
import type { NodeLog } from "#platform/log.node.ts";
import { createNodeMetrics } from "#platform/metrics.node.ts";
import { loadNative } from "#platform/native.node.ts";
import { nodeRandom } from "#platform/random.node.ts";
import { roleRoutes } from "#platform/role-routes.ts";
import { clusterManagerSettings, type Resolved } from "#settings/mod.ts";
import { httpUrl, ownAddress } from "./address.ts";
import { configClient, mayChange, openDataDirectory, realOrigin, roleLog, type StartedRole } from "./ground.ts";
import { LiveSettings } from "./live-settings.ts";
import { upgradeToControl, upgradeToPieces } from "./upgrades.ts";

export async function startClusterManager(
  resolved: Resolved<typeof clusterManagerSettings.settings>,
  sharedLog?: NodeLog,
): Promise<StartedRole> {
  const { values } = resolved;
  const log = roleLog(values.logLevel, "cluster-manager", sharedLog);
  const trust = values.trust === "on";
  if (!trust) log.warn("trust.off", { meaning: "no joining, TLS or tickets: for closed networks only" });
  const { directory, key, release } = openDataDirectory(values.dataDir, "cluster-manager");
  const live = new LiveSettings(clusterManagerSettings, resolved, log);
  const cache = await TaskCache.open({
    disk: nodeDisk,
    directory,
    boot: readBootTag(),
    quotaBytes: () => live.values.diskQuotaBytes,
    highWatermark: () => live.values.highWatermark,
    lowWatermark: () => live.values.lowWatermark,
    wallMs: () => Date.now(),
  });
  const { origin, close } = realOrigin();
  const metrics = createNodeMetrics();
  const native = loadNative();
  let manager: ClusterManager | undefined;
  const current = (): ClusterManager => {
    if (manager === undefined) throw new Error("the manager has not started");
    return manager;
  };
  const owners = {
    control: (...taken: Parameters<ClusterManager["acceptControl"]>): ConnectionOwner =>
      current().acceptControl(...taken),
    pieces: (...taken: Parameters<ClusterManager["acceptPieces"]>): ConnectionOwner => current().acceptPieces(...taken),
  };
  const routes = roleRoutes({
    metrics,
    live: () => undefined,
    ready: () => (manager === undefined ? "starting" : undefined),
  });
  const server = createNodeHttpServer(
    {
      routes: [
        ...routes,
        ...live.routes(mayChange(trust)),
        ...managerRoutes({ manager: current, cache, mayChange: mayChange(trust) }),
      ],
      upgrades: [upgradeToControl(owners.control, native), upgradeToPieces(owners.pieces, native, key.id)],
    },
    log,
  );
  const bound = await server.listen(values.listen);
  const port = bound.kind === "tcp" ? bound.port : 0;
  const address = values.advertise ?? ownAddress(values.listen.host);
  manager = new ClusterManager({
    clock: nodeClock,
    random: nodeRandom,
    log,
    metrics,
    origin,
    cache,
    key,
    trust,
    advertise: { address, port },
    settings: values,
  });
  live.onChange = (changed) => manager?.applySettings(changed);
  const url = httpUrl(address, port);
  const config = values.configService === undefined ? undefined : configClient(values.configService, trust, log);
  const registration = config?.registerManager(key.id, () => ({
    url,
    site: values.site ?? "",
    address,
    load: Math.min(1, (manager?.uploads.active ?? 0) / live.values.uploadSlots),
    version: "1.0",
  }));
  const watch = config?.watchSettings(({ settings }) => live.fromCluster(settings));
  log.info("role.started", { url, data: directory, native: native.available, host: hostname() });
  return {
    url,
    async stop(graceMs) {
      watch?.stop();
      await registration?.stop();
      await manager?.stop();
      await server.close(Math.min(graceMs, 1000));
      close();
      release();
    },
  };
}
