/**
 * What every role stands on, wired to the real platform: its log and metrics, a locked data directory
 * with its key, the origin client, its HTTP server, and the settings that change while it runs.
 */

import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { createConfigClient, type ConfigClient } from "#cluster/mod.ts";
import { createOrigins, type Origin } from "#origins/mod.ts";

import { nodeClock } from "#platform/clock.node.ts";
import { createNodeHttpClient } from "#platform/http-client.node.ts";
import { createNodeHttpJson } from "#platform/http-json.node.ts";
import type { Route } from "#platform/http-server.ts";
import type { Log, LogLevel } from "#platform/log.ts";
import { createNodeLog } from "#platform/log.node.ts";
import { lockDirectory } from "#platform/process-lock.node.ts";
import { nodeRandom } from "#platform/random.node.ts";
import { newSigningKey, signingKeyFromPem, type SigningKey } from "#platform/signing.ts";
import {
  changeSettings,
  type Declarations,
  type Resolved,
  type SettingChanges,
  type SettingsGroup,
  type ValuesOf,
} from "#settings/mod.ts";
import { DarnerError } from "#base/mod.ts";
import { isLoopbackAddress } from "#core/placement/mod.ts";

/** A started role: how to reach it, and how to end it. */
export interface StartedRole {
  /** `http://HOST:PORT` that others on this network use. */
  readonly url: string;
  stop(graceMs: number): Promise<void>;
  readonly ended?: Promise<void>;
}

export function roleLog(level: LogLevel, role: string): Log {
  return createNodeLog(level).child({ role });
}

/** Makes and locks a role's own folder in the data directory, and reads or makes its key. */
export function openDataDirectory(
  dataDir: string,
  role: string,
): { directory: string; key: SigningKey; release(): void } {
  const directory = `${dataDir}/${role}`;
  try {
    mkdirSync(directory, { recursive: true, mode: 0o700 });
  } catch (cause) {
    throw new DarnerError(
      "output.not-writable",
      `cannot make the data directory ${directory}: ${(cause as Error).message}; name another with --data-dir`,
      { cause },
    );
  }
  const lock = lockDirectory(directory);
  return { directory, key: keyIn(directory), release: () => lock.release() };
}

function keyIn(directory: string): SigningKey {
  const path = `${directory}/key.pem`;
  try {
    return signingKeyFromPem(readFileSync(path, "utf8"));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") {
      throw new DarnerError(
        "store.corrupt",
        `cannot read the key in ${path}; restore it, or remove it to become a new member`,
        { cause: error },
      );
    }
    const key = newSigningKey();
    writeFileSync(path, key.exportPem(), { mode: 0o600, flag: "wx" });
    return key;
  }
}

export function realOrigin(): { origin: Origin; close(): void } {
  const httpClient = createNodeHttpClient();
  return { origin: createOrigins({ httpClient, clock: nodeClock }), close: () => httpClient.close() };
}

export function configClient(url: string, trust: boolean, log: Log): ConfigClient {
  return createConfigClient({ http: createNodeHttpJson(), clock: nodeClock, random: nodeRandom, log, url, trust });
}

/** Whether a caller may change anything over HTTP while the cluster's own trust is not there yet. */
export function mayChange(trust: boolean): (address: string | undefined) => boolean {
  return (address) => !trust || address === undefined || isLoopbackAddress(address);
}

/** A role's settings while it runs: its own, the cluster's on top where the host said nothing, the operator's over all. */
export class LiveSettings<D extends Declarations> {
  readonly #group: SettingsGroup<D>;
  readonly #own: Resolved<D>;
  readonly #log: Log;
  #cluster: SettingChanges = {};
  #operator: SettingChanges = {};
  #current: Resolved<D>;
  onChange: (values: ValuesOf<D>) => void = () => {};

  constructor(group: SettingsGroup<D>, own: Resolved<D>, log: Log) {
    this.#group = group;
    this.#own = own;
    this.#current = own;
    this.#log = log;
  }

  get values(): ValuesOf<D> {
    return this.#current.values;
  }

  fromCluster(changes: SettingChanges): void {
    try {
      this.#apply(changes, this.#operator);
    } catch (error) {
      this.#log.warn("settings.refused", { message: (error as Error).message });
    }
  }

  /** Throws `settings.unknown-key`, `settings.invalid`. */
  fromOperator(changes: SettingChanges): void {
    this.#apply(this.#cluster, { ...this.#operator, ...changes });
  }

  #apply(cluster: SettingChanges, operator: SettingChanges): void {
    const below = changeSettings(this.#group, this.#own, cluster, "cluster");
    this.#current = changeSettings(this.#group, below, operator, "running");
    this.#cluster = cluster;
    this.#operator = operator;
    this.#log.info("settings.changed", { cluster, operator });
    this.onChange(this.#current.values);
  }

  /** `PUT /v1/settings/:name {"value": ...}`. */
  routes(allowed: (address: string | undefined) => boolean): Route[] {
    return [
      {
        method: "PUT",
        path: "/v1/settings/:name",
        doc: 'Changes a setting of this process while it runs; the body is {"value": TEXT}.',
        handle: async (request) => {
          if (!allowed(request.raw.socket.remoteAddress)) {
            throw new DarnerError(
              "cluster.refused",
              "cannot change a setting from here: only callers on this machine may, unless trust is off",
            );
          }
          const { value } = ((await request.json()) ?? {}) as { value?: unknown };
          this.fromOperator({ [request.params["name"] ?? ""]: value });
          return { status: 200, json: { name: request.params["name"], value } };
        },
      },
    ];
  }
}
