/**
 * Starts a config service on the real platform: its database and its port. Where other machines reach
 * it, it is its cluster's authority too, made at the first start; and whoever may open `admin.sock` in
 * its folder, which is whoever could read the authority's key, may do everything.
 */

import { hostname } from "node:os";
import { createGate, startRenewal } from "#cluster/mod.ts";
import { asDarnerError } from "#base/mod.ts";
import type { JoinableRole } from "#core/model/mod.ts";
import { createConfigService, type ConfigService } from "#services/config-service/mod.ts";
import { sqliteClusterState } from "#storage/cluster-state/mod.ts";
import { nodeClock } from "#platform/machine/clock.node.ts";
import type { HttpServer } from "#platform/http-server/server.ts";
import { createNodeHttpServer } from "#platform/http-server/server.node.ts";
import { createNodeIdentity } from "#platform/keys/identity.node.ts";
import type { Identity } from "#platform/keys/identity.ts";
import type { NodeLog } from "#platform/telemetry/log.node.ts";
import { createNodeMetrics } from "#platform/telemetry/metrics.node.ts";
import { nodeRandom } from "#platform/machine/random.node.ts";
import { roleRoutes } from "#platform/http-server/role-routes.ts";
import type { SigningKey } from "#platform/keys/signing.ts";
import { openSqlite } from "#platform/files/sqlite.node.ts";
import { clusterSettingProblem, isLoopbackHost, type configServiceSettings, type Resolved } from "#settings/mod.ts";
import { httpUrl, ownAddress } from "./address.ts";
import { adminSocketOf, epochShelf, openAuthority, type OpenedAuthority } from "./authority.ts";
import { openDataDirectory, roleLog, type StartedRole } from "./ground.ts";
import { registerIdentity, type Issue } from "./standing.ts";

const invitationLifeMs = 3_600_000;

export interface StartedConfigService extends StartedRole {
  /** Certificates for the roles of this process; undefined where nobody joins. */
  readonly issue: Issue | undefined;
  /** The command with which one more machine joins, within the hour. */
  invite(role: JoinableRole): Promise<string>;
}

export async function startConfigService(
  resolved: Resolved<typeof configServiceSettings.settings>,
  sharedLog?: NodeLog,
): Promise<StartedConfigService> {
  const { values } = resolved;
  const log = roleLog(values.logLevel, "config-service", sharedLog);
  const trust = values.trust === "on";
  if (!trust)
    log.warn("trust.off", { meaning: "anybody who reaches the port may change settings: for closed networks only" });
  const { directory, key, release } = openDataDirectory(values.dataDir, "config-service");
  const database = `${directory}/state.db`;
  const authority = trust && !isLoopbackHost(values.listen.host) ? openAuthority(directory, database) : undefined;
  const store = sqliteClusterState(openSqlite(database));
  const metrics = createNodeMetrics();
  metrics.gauge("darner_trust", "1 while processes must know each other, 0 with --trust off", () => (trust ? 1 : 0));
  const { certificateLifeMs, sealEpochLifeMs: lifeMs, sealEpochsKeptMs: keptMs } = values;
  const place = { url: "" };
  const service = createConfigService({
    clock: nodeClock,
    log,
    metrics,
    store,
    leaseMs: values.leaseMs,
    pushPatterns: () => values.preheatOnPush,
    trust:
      authority === undefined
        ? undefined
        : {
            authority,
            certificateLifeMs,
            random: nodeRandom,
            url: () => place.url,
            sealEpochs: { shelf: epochShelf(directory, log), lifeMs, keptMs },
          },
    validate: clusterSettingProblem,
  });
  await service.start();
  const own = authority === undefined ? undefined : openOwn(service, authority, key, log);
  registerIdentity(metrics, own?.identity);
  const { identity } = own ?? {};
  const cluster = own === undefined ? undefined : acquaintanceOf(service);
  const admit = createGate({ trust, clock: nodeClock, log, cluster });
  const routes = roleRoutes({ metrics, live: () => undefined, ready: () => service.ready(), identity });
  const options = { routes: [...routes, ...service.routes], upgrades: [], admit, identity };
  const server = createNodeHttpServer(options, log);
  const bound = await server.listen(values.listen);
  if (authority !== undefined) await openAdminSocket(server, adminSocketOf(values.dataDir), log);
  const address = values.advertise ?? ownAddress(values.listen.host);
  const url = httpUrl(address, bound.kind === "tcp" ? bound.port : 0, identity !== undefined);
  place.url = url;
  log.info("role.started", { url, data: directory });
  const invite = async (role: JoinableRole): Promise<string> =>
    `join ${url} ${(await service.trust().membership.invite({ role, uses: 1, lifeMs: invitationLifeMs })).token}`;
  return {
    url,
    issue: authority === undefined ? undefined : issuer(service),
    invite,
    ...(authority?.isNew === true ? { greeting: () => greetingOf(service, directory, invite) } : {}),
    async stop(graceMs) {
      own?.renewal.stop();
      await service.stop();
      await server.close(Math.min(graceMs, 1000));
      await store.close();
      release();
    },
  };
}

/** Without it there are the operators' tokens: a data directory whose name is too long is no reason not to start. */
async function openAdminSocket(server: HttpServer, path: string, log: NodeLog): Promise<void> {
  try {
    await server.listen({ kind: "unix", path, permissions: 0o600 });
  } catch (error) {
    log.warn("admin-socket.none", { error: asDarnerError(error).message });
  }
}

/** Its own certificate, made anew at each start and in time. */
function openOwn(
  service: ConfigService,
  authority: OpenedAuthority,
  key: SigningKey,
  log: NodeLog,
): { readonly identity: Identity; readonly renewal: { stop(): void } } {
  const issue = (): string => service.trust().membership.ownCertificate(key.publicKey);
  const identity = createNodeIdentity({ authority: authority.certificate, certificate: issue(), key });
  const ground = { clock: nodeClock, random: nodeRandom, log };
  return { identity, renewal: startRenewal({ ...ground, identity, renew: async () => issue() }) };
}

function acquaintanceOf(service: ConfigService) {
  return {
    isRevoked: (id: string) => service.trust().membership.isRevoked(id),
    scopesOf: async (token: string) => service.trust().apiTokens.scopesOf(token),
  };
}

function issuer(service: ConfigService): Issue {
  return async (role, key) => {
    const { membership } = service.trust();
    return { authority: membership.authority, certificate: await membership.admit(role, key, hostname()) };
  };
}

/** Makes the tokens that it tells: whoever does not print it has none lying about. */
async function greetingOf(
  service: ConfigService,
  directory: string,
  invite: (role: JoinableRole) => Promise<string>,
): Promise<string> {
  const token = await service.trust().apiTokens.create({ name: "first", scopes: ["admin"], lifeMs: null });
  return [
    "This is a new cluster. Its authority is in",
    "",
    `  ${directory}: keep a copy of authority-key.pem and authority.pem where nobody else reads it`,
    "",
    "A host and a cluster manager join with these, each once and within an hour (more: darner member invite):",
    "",
    `  darner ${await invite("host")}`,
    `  darner ${await invite("manager")}`,
    "",
    "An operator's token for everything, told this once (for programs: darner token create):",
    "",
    `  ${token}`,
    "",
    "",
  ].join("\n");
}
