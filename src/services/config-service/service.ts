/**
 * The config service: tells every host its nearest managers, keeps the managers' leases, and holds the
 * cluster's settings. It is asked often and needed seldom: while it is away, everybody goes on with
 * what it said last.
 *
 * It opens no port: whoever composes the process serves its routes.
 */

import { DarnerError } from "#base/mod.ts";
import type { Clock } from "#platform/machine/clock.ts";
import type { Route } from "#platform/http-server/server.ts";
import type { Log } from "#platform/telemetry/log.ts";
import type { Metrics } from "#platform/telemetry/metrics.ts";
import type { ClusterState } from "#storage/cluster-state/mod.ts";
import { revokedMembersKey } from "#core/model/mod.ts";
import { managersMax } from "#core/placement/mod.ts";
import { certificateFingerprint } from "#platform/keys/certificates.ts";
import { ApiTokens } from "./api-tokens.ts";
import { ClusterView } from "./cluster-view.ts";
import { Membership, type MembershipOptions } from "./membership.ts";
import { preheatRoutes } from "./preheat-routes.ts";
import { Preheats } from "./preheats.ts";
import { configRoutes } from "./routes.ts";
import { EpochKeeper, type EpochKeeperOptions } from "./epoch-keeper.ts";
import { trustRoutes, type Trust } from "./trust-routes.ts";
import { Watchers } from "./watchers.ts";

/** With 10,000 hosts behind one service, those beyond this ask again instead of waiting. */
const waitersMax = 8192;
/** Managers wait for epochs, and there are as many of them as a cluster may have. */
const epochWaitersMax = managersMax;

export interface ConfigServiceOptions {
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: Metrics;
  /** Closed by whoever opened it, after `stop`. */
  readonly store: ClusterState;
  /** How long a manager counts as alive after it last spoke. */
  readonly leaseMs: number;
  /** The cluster's authority and how long its certificates live; without it nobody joins. */
  readonly trust?: TrustOptions | undefined;
  /** Repositories whose pushed images are preheated. */
  readonly pushPatterns: () => readonly string[];
  /**
   * Why a cluster-wide setting cannot have a value (unknown, wrong type, out of bounds), as one line for
   * its user; undefined when it can. The sites' ranges are the service's own and are not asked about.
   */
  validate(key: string, value: unknown): string | undefined;
}

export type TrustOptions = Pick<MembershipOptions, "authority" | "certificateLifeMs" | "random"> &
  Pick<Trust, "url"> & {
    /** What the keys of sealed objects are made from. */
    readonly sealEpochs: Pick<EpochKeeperOptions, "shelf" | "lifeMs" | "keptMs">;
  };

export interface ConfigService {
  readonly routes: readonly Route[];
  /** Who belongs to the cluster; throws `cluster.unreachable` before `start`, and without an authority. */
  trust(): Trust;
  /** Why it cannot serve, or undefined when it can. */
  ready(): string | undefined;
  /** Takes up what is stored; rejects with the store's error. */
  start(): Promise<void>;
  /** Answers everybody who waits and stores what is not stored. Call it before the server's `close`. */
  stop(): Promise<void>;
}

export function createConfigService(options: ConfigServiceOptions): ConfigService {
  const { clock, log, metrics, store, leaseMs } = options;
  const listWatchers = new Watchers(clock, waitersMax);
  const settingsWatchers = new Watchers(clock, waitersMax);
  const storeFailures = metrics.counter(
    "darner_config_store_failures_total",
    "Lists of managers that were not stored.",
  );
  let view: ClusterView | undefined;
  let trust: Trust | undefined;
  let preheats: Preheats | undefined;
  describeMetrics(metrics, () => view, listWatchers, settingsWatchers);
  return {
    routes: [
      ...configRoutes({
        view: () => view ?? notYet(),
        listWatchers,
        settingsWatchers,
        leaseMs,
        validate: (key, value) => options.validate(key, value),
      }),
      ...preheatRoutes({
        preheats: () => preheats ?? notYet(),
        managers: () => view?.list.managers ?? [],
        pushPatterns: options.pushPatterns,
      }),
      ...(options.trust === undefined ? [] : trustRoutes(() => trust ?? notYet())),
    ],
    trust: () => trust ?? notYet(),
    ready: () => (view === undefined ? "the config service is starting" : undefined),
    async start() {
      view = await ClusterView.open({
        clock,
        log,
        store,
        leaseMs,
        onList: () => listWatchers.wake(),
        onSettings: () => settingsWatchers.wake(),
        onStoreFailed: () => storeFailures.add(1),
      });
      const managers = (): readonly string[] => view?.list.managers.map(({ id }) => id) ?? [];
      preheats = await Preheats.open({ clock, log, store, managers });
      if (options.trust !== undefined) trust = await openTrust(options, options.trust, view);
    },
    async stop() {
      listWatchers.close();
      settingsWatchers.close();
      trust?.epochWatchers.close();
      trust?.epochs.stop();
      await view?.close();
    },
  };
}

async function openTrust(
  { clock, log, store }: ConfigServiceOptions,
  options: TrustOptions,
  view: ClusterView,
): Promise<Trust> {
  const { random, authority, sealEpochs } = options;
  const epochWatchers = new Watchers(clock, epochWaitersMax);
  const epochs = new EpochKeeper({ ...sealEpochs, clock, random, log, watchers: epochWatchers });
  const membership = await Membership.open({
    ...options,
    clock,
    log,
    store,
    async onRevoked(ids) {
      const told = view.settings.settings[revokedMembersKey];
      const before = Array.isArray(told) ? told : [];
      // First of all: should it fail, the revocation is asked for again, and finds that this is still to be done.
      if (ids.some((id) => !before.includes(id))) epochs.turn("revocation");
      if (told !== undefined || ids.length > 0) await view.putSetting(revokedMembersKey, ids);
    },
  });
  const fingerprint = certificateFingerprint(authority.certificate);
  const apiTokens = await ApiTokens.open({ clock, log, random, store, authority: fingerprint });
  return { membership, apiTokens, epochs, epochWatchers, url: options.url };
}

function notYet(): never {
  throw new DarnerError("cluster.unreachable", "cannot answer yet: the config service is starting; try again", {
    retry: { afterMs: 1000 },
  });
}

function describeMetrics(
  metrics: Metrics,
  view: () => ClusterView | undefined,
  listWatchers: Watchers,
  settingsWatchers: Watchers,
): void {
  metrics.gauge(
    "darner_config_managers",
    "Managers that hold a lease, by health.",
    () =>
      (["up", "late", "draining"] as const).map((health) => ({
        labels: { health },
        value: view()?.list.managers.filter((manager) => manager.health === health).length ?? 0,
      })),
    ["health"],
  );
  metrics.gauge("darner_config_list_version", "Version of the list of managers.", () => view()?.list.version ?? 0);
  metrics.gauge("darner_config_settings_version", "Version of the settings.", () => view()?.settings.version ?? 0);
  metrics.gauge(
    "darner_config_watchers",
    "Requests that wait for news, by what they watch.",
    () => [
      { labels: { what: "managers" }, value: listWatchers.count },
      { labels: { what: "settings" }, value: settingsWatchers.count },
    ],
    ["what"],
  );
}
