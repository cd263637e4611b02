/**
 * The config service, as the other processes of a cluster see it: managers keep a lease there, hosts
 * watch the list of managers nearest to them, and everybody watches the settings. Nobody waits for it
 * to work: what it said last is kept while it is away.
 */

import { DarnerError } from "#base/mod.ts";
import { readSealEpochs, type SealEpoch } from "#core/model/mod.ts";
import { readManagerList, type ManagerEntry, type ManagerFacts, type ManagerList } from "#core/placement/mod.ts";
import type { Clock } from "#platform/machine/clock.ts";
import type { HttpJson } from "#platform/http-asks/json.ts";
import type { Log } from "#platform/telemetry/log.ts";
import type { Random } from "#platform/machine/random.ts";
import { KnownManagers, type ManagerDirectory } from "./manager-directory.ts";
import { startRegistration, type Registration, type RegistrationAnswer } from "./registration.ts";
import { assertManagerUrlAllowed } from "./trust.ts";
import { startWatch, type Watch } from "./watch.ts";

export interface ClusterSettings {
  readonly version: number;
  readonly settings: Readonly<Record<string, unknown>>;
}

export interface ConfigClientOptions {
  readonly http: HttpJson;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  /** The config service's. */
  readonly url: string;
  readonly trust: boolean;
}

export interface HostFacts {
  /** Absent: the address decides. */
  readonly site?: string | undefined;
  /** Absent: the address that the config service sees. */
  readonly address?: string | undefined;
}

export interface ConfigClient {
  /** Keeps a manager registered; `describe` is asked before each renewal. */
  registerManager(
    id: string,
    describe: () => ManagerDescription,
    onAnswer?: (answer: RegistrationAnswer) => void,
  ): Registration;
  /** Keeps the list of the nearest managers; ends with the directory's `stop`. */
  watchManagers(host: HostFacts): ManagerDirectory;
  /** Calls `onSettings` with all settings at first and after each change. */
  watchSettings(onSettings: (settings: ClusterSettings) => void): Watch;
  /** For managers: calls `onEpochs` with the seal epochs, the present one last, at first and after each change. */
  watchSealEpochs(onEpochs: (epochs: readonly SealEpoch[]) => void): Watch;
  /** The open preheat orders and the managers, as the config service says them. */
  preheatWork(signal: AbortSignal): Promise<Record<string, unknown>>;
  reportPreheat(manager: string, order: string, progress: unknown): Promise<void>;
  /** A new certificate for this member, PEM. */
  renewCertificate(signal: AbortSignal): Promise<string>;
  /** The scopes of the operator's token with this digest; none when it does not count. */
  checkToken(digest: string): Promise<readonly string[]>;
}

/** What a manager says of itself; without an address, the one that the config service sees. */
export type ManagerDescription = Partial<Omit<ManagerFacts, "id">> & { readonly url: string };

const waitMs = 25_000;
const answerTimeoutMs = 10_000;
const leaveTimeoutMs = 2_000;

/** Throws as `assertManagerUrlAllowed` does. */
export function createConfigClient(options: ConfigClientOptions): ConfigClient {
  const { http, clock, random, log, trust } = options;
  const base = assertManagerUrlAllowed(options.url, trust, "config service");
  const place = (path: string, query: Readonly<Record<string, string | number | undefined>> = {}): URL => {
    const url = new URL(path, base);
    for (const [name, value] of Object.entries(query)) {
      if (value !== undefined) url.searchParams.set(name, String(value));
    }
    return url;
  };
  const role = "config-service";
  const waitFor = (path: string, query: Readonly<Record<string, string | number | undefined>>, signal: AbortSignal) =>
    http.request({
      method: "GET",
      role,
      url: place(path, { ...query, waitMs }),
      timeoutMs: waitMs + answerTimeoutMs,
      signal,
    });

  return {
    registerManager(id, describe, onAnswer) {
      const url = place(`/v1/managers/${encodeURIComponent(id)}`);
      return startRegistration({
        clock,
        random,
        log,
        register: async (signal) =>
          readRegistration(
            await http.request({ method: "PUT", url, role, body: describe(), timeoutMs: answerTimeoutMs, signal }),
          ),
        leave: () => http.request({ method: "DELETE", url, role, timeoutMs: leaveTimeoutMs }),
        ...(onAnswer === undefined ? {} : { onAnswer }),
      });
    },
    watchManagers({ site, address }) {
      const watch = startWatch({
        clock,
        random,
        log,
        what: "managers",
        ask: async (after, signal) => readList(await waitFor("/v1/managers", { site, address, after }, signal)),
        onNews: (list) => known.take({ managers: list.managers.filter((manager) => isAllowed(manager, trust, log)) }),
      });
      const known = new KnownManagers(clock, () => watch.stop());
      return known;
    },
    watchSettings: (onSettings) =>
      startWatch({
        clock,
        random,
        log,
        what: "settings",
        ask: async (after, signal) => readSettings(await waitFor("/v1/settings", { after }, signal)),
        onNews: onSettings,
      }),
    preheatWork: async (signal) =>
      asRecord(
        await http.request({ method: "GET", role, url: place("/v1/preheat-work"), timeoutMs: answerTimeoutMs, signal }),
      ),
    async reportPreheat(manager, order, progress) {
      const url = place(`/v1/preheats/${encodeURIComponent(order)}/managers/${encodeURIComponent(manager)}`);
      await http.request({ method: "PUT", role, url, body: progress, timeoutMs: answerTimeoutMs });
    },
    ...trustQuestions(options, place, waitFor),
  };
}

function trustQuestions(
  { http, clock, random, log }: ConfigClientOptions,
  place: (path: string) => URL,
  waitFor: (path: string, query: Readonly<Record<string, number | undefined>>, signal: AbortSignal) => Promise<unknown>,
): Pick<ConfigClient, "watchSealEpochs" | "renewCertificate" | "checkToken"> {
  return {
    watchSealEpochs: (onEpochs) =>
      startWatch({
        clock,
        random,
        log,
        what: "seal-epochs",
        ask: async (after, signal) => readEpochs(await waitFor("/v1/seal-epochs", { after }, signal)),
        onNews: ({ epochs }) => onEpochs(epochs),
      }),
    async renewCertificate(signal) {
      const url = place("/v1/certificates");
      const answer = await http.request({
        method: "POST",
        url,
        role: "config-service",
        body: {},
        timeoutMs: answerTimeoutMs,
        signal,
      });
      const { certificate } = asRecord(answer);
      if (typeof certificate !== "string") throw nonsense("a certificate");
      return certificate;
    },
    async checkToken(digest) {
      const url = place("/v1/api-tokens/check");
      const answer = await http.request({
        method: "POST",
        url,
        role: "config-service",
        body: { digest },
        timeoutMs: answerTimeoutMs,
      });
      const { scopes } = asRecord(answer);
      if (!Array.isArray(scopes)) throw nonsense("a token's scopes");
      return scopes.map(String);
    },
  };
}

/** What the config service lists is not trusted further than what a command line names. */
function isAllowed(manager: ManagerEntry, trust: boolean, log: Log): boolean {
  try {
    assertManagerUrlAllowed(manager.url, trust);
    return true;
  } catch (error) {
    log.warn("cluster.manager-not-used", { id: manager.id, error: (error as Error).message });
    return false;
  }
}

function readRegistration(json: unknown): RegistrationAnswer {
  const { leaseMs, settingsVersion, listVersion } = asRecord(json);
  if (typeof leaseMs !== "number" || typeof settingsVersion !== "number" || typeof listVersion !== "number") {
    throw nonsense("a registration");
  }
  return { leaseMs, settingsVersion, listVersion };
}

function readList(json: unknown): ManagerList {
  const list = readManagerList(json);
  if (list === undefined) throw nonsense("a list of managers");
  return list;
}

function readSettings(json: unknown): ClusterSettings {
  const { version, settings } = asRecord(json);
  if (typeof version !== "number" || typeof settings !== "object" || settings === null) throw nonsense("settings");
  return { version, settings: settings as Record<string, unknown> };
}

function readEpochs(json: unknown): { readonly version: number; readonly epochs: readonly SealEpoch[] } {
  const { version, epochs } = asRecord(json);
  const read = readSealEpochs(epochs);
  if (typeof version !== "number" || read === undefined) throw nonsense("a list of seal epochs");
  return { version, epochs: read };
}

function asRecord(json: unknown): Record<string, unknown> {
  return typeof json === "object" && json !== null ? (json as Record<string, unknown>) : {};
}

function nonsense(what: string): DarnerError {
  const why = `its answer is not ${what}; check that both sides run the same version of Darner`;
  return new DarnerError("cluster.protocol", `cannot use the config service: ${why}`);
}
