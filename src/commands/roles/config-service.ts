/** Starts a config service on the real platform: its database and its port. */

import { createGate } from "#cluster/mod.ts";
import { createConfigService } from "#services/config-service/mod.ts";
import { sqliteClusterState } from "#storage/cluster-state/mod.ts";
import { nodeClock } from "#platform/clock.node.ts";
import { createNodeHttpServer } from "#platform/http-server.node.ts";
import type { NodeLog } from "#platform/log.node.ts";
import { createNodeMetrics } from "#platform/metrics.node.ts";
import { roleRoutes } from "#platform/role-routes.ts";
import { openSqlite } from "#platform/sqlite.node.ts";
import { clusterSettingProblem, type configServiceSettings, type Resolved } from "#settings/mod.ts";
import { httpUrl, ownAddress } from "./address.ts";
import { openDataDirectory, roleLog, type StartedRole } from "./ground.ts";

export async function startConfigService(
  resolved: Resolved<typeof configServiceSettings.settings>,
  sharedLog?: NodeLog,
): Promise<StartedRole> {
  const { values } = resolved;
  const log = roleLog(values.logLevel, "config-service", sharedLog);
  const trust = values.trust === "on";
  if (!trust)
    log.warn("trust.off", { meaning: "anybody who reaches the port may change settings: for closed networks only" });
  const { directory, release } = openDataDirectory(values.dataDir, "config-service");
  const store = sqliteClusterState(openSqlite(`${directory}/state.db`));
  const metrics = createNodeMetrics();
  const service = createConfigService({
    clock: nodeClock,
    log,
    metrics,
    store,
    leaseMs: values.leaseMs,
    validate: clusterSettingProblem,
  });
  const routes = roleRoutes({ metrics, live: () => undefined, ready: () => service.ready() });
  const server = createNodeHttpServer(
    { routes: [...routes, ...service.routes], upgrades: [], admit: createGate({ trust }) },
    log,
  );
  const bound = await server.listen(values.listen);
  await service.start();
  const address = values.advertise ?? ownAddress(values.listen.host);
  const url = httpUrl(address, bound.kind === "tcp" ? bound.port : 0);
  log.info("role.started", { url, data: directory });
  return {
    url,
    async stop(graceMs) {
      await service.stop();
      await server.close(Math.min(graceMs, 1000));
      await store.close();
      release();
    },
  };
}
