/** Starts a host daemon on the real platform: its socket, its piece port, its way to the managers. */

import { hostname } from "node:os";
import { dirname } from "node:path";
import { staticManagers } from "#cluster/mod.ts";
import { daemonRoutes, HostDaemon } from "#services/host-daemon/mod.ts";
import { TaskCache } from "#storage/pieces/mod.ts";
import { readBootTag } from "#platform/boot.node.ts";
import { nodeClock } from "#platform/clock.node.ts";
import { createDialler } from "#platform/connection.node.ts";
import { openDescriptorInbox } from "#platform/descriptor-inbox.node.ts";
import { nodeDisk } from "#platform/disk.node.ts";
import { createNodeHttpServer } from "#platform/http-server.node.ts";
import type { NodeLog } from "#platform/log.node.ts";
import { createNodeMetrics } from "#platform/metrics.node.ts";
import { loadNative } from "#platform/native.node.ts";
import { nodeRandom } from "#platform/random.node.ts";
import { roleRoutes } from "#platform/role-routes.ts";
import { hostDaemonSettings, type Resolved } from "#settings/mod.ts";
import { configClient, mayChange, openDataDirectory, realOrigin, roleLog, type StartedRole } from "./ground.ts";
import { httpUrl, isWildcard, ownAddress } from "./address.ts";
import { LiveSettings } from "./live-settings.ts";
import { upgradeToPieces } from "./upgrades.ts";

const lingerCheckMs = 250;

export async function startHostDaemon(
  resolved: Resolved<typeof hostDaemonSettings.settings>,
  sharedLog?: NodeLog,
): Promise<StartedRole> {
  const { values } = resolved;
  const log = roleLog(values.logLevel, "daemon", sharedLog);
  const trust = values.trust === "on";
  if (!trust) log.warn("trust.off", { meaning: "no joining, TLS or tickets: for closed networks only" });
  const { directory, key, release } = openDataDirectory(values.dataDir, "daemon");
  const live = new LiveSettings(hostDaemonSettings, resolved, log);
  const boot = readBootTag();
  const native = loadNative();
  const cache = await TaskCache.open({
    disk: nodeDisk,
    directory,
    boot,
    quotaBytes: () => live.values.cacheQuotaBytes,
    highWatermark: () => 0.9,
    lowWatermark: () => 0.8,
    wallMs: () => Date.now(),
  });
  const { origin, close } = realOrigin();
  const metrics = createNodeMetrics();
  let daemon: HostDaemon | undefined;
  const current = (): HostDaemon => {
    if (daemon === undefined) throw new Error("the daemon has not started");
    return daemon;
  };
  const routes = roleRoutes({
    metrics,
    live: () => undefined,
    ready: () => (daemon?.managerConnected === true ? undefined : "no manager answers"),
  });
  const pieces = createNodeHttpServer(
    { routes, upgrades: [upgradeToPieces((...taken) => current().acceptPieces(...taken), native, key.id)] },
    log,
  );
  const local = createNodeHttpServer(
    {
      routes: [
        ...routes,
        ...live.routes(mayChange(true)),
        ...daemonRoutes({ daemon: current, userOf: (request) => native.peerCredentials(request.raw.socket)?.uid }),
      ],
      upgrades: [],
    },
    log,
  );
  const bound = await pieces.listen(values.listen);
  const port = bound.kind === "tcp" ? bound.port : 0;
  const asRoot = process.getuid?.() === 0;
  await nodeDisk.makeDirectory(dirname(values.socket), { permissions: asRoot ? 0o755 : 0o700 });
  const permissions = asRoot ? 0o660 : 0o600;
  const ownUid = process.getuid?.() ?? 0;
  const inbox = native.available
    ? await openDescriptorInbox(native, {
        path: `${values.socket}.fd`,
        permissions,
        mayHandOver: (uid) => asRoot || uid === ownUid,
      })
    : undefined;
  const config = values.configService === undefined ? undefined : configClient(values.configService, trust, log);
  const directoryOfManagers =
    values.manager.length > 0
      ? staticManagers(values.manager, trust, nodeClock)
      : config?.watchManagers({ ...(values.site === undefined ? {} : { site: values.site }) });
  daemon = new HostDaemon({
    clock: nodeClock,
    random: nodeRandom,
    log,
    metrics,
    disk: nodeDisk,
    dialler: createDialler(native),
    origin,
    cache,
    boot,
    inbox,
    directory: directoryOfManagers,
    key,
    trust,
    name: hostname(),
    site: values.site ?? "",
    advertise: { address: values.advertise ?? (isWildcard(values.listen.host) ? "" : values.listen.host), port },
    settings: values,
  });
  live.onChange = (changed) => daemon?.applySettings(changed);
  const watch = config?.watchSettings(({ settings }) => live.fromCluster(settings));
  await local.listen({ kind: "unix", path: values.socket, permissions }).catch(async (error: unknown) => {
    await inbox?.close();
    throw error;
  });
  const url = httpUrl(values.advertise ?? ownAddress(values.listen.host), port);
  log.info("role.started", { url, socket: values.socket, data: directory, native: native.available });
  return {
    url,
    ...(values.lingerMs === Infinity ? {} : { ended: whenIdle(daemon, values.lingerMs) }),
    async stop(graceMs) {
      watch?.stop();
      directoryOfManagers?.stop();
      await daemon?.stop();
      await Promise.all([inbox?.close(), local.close(Math.min(graceMs, 1000)), pieces.close(Math.min(graceMs, 1000))]);
      close();
      release();
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
