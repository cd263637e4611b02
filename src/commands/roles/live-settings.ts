/** A role's settings while it runs, and the routes that show and change them. */

import type { Route } from "#platform/http-server/server.ts";
import type { LogLevel } from "#platform/telemetry/log.ts";
import type { NodeLog } from "#platform/telemetry/log.node.ts";
import {
  changeSettings,
  type Declarations,
  type Resolved,
  type Setting,
  type SettingChanges,
  type SettingsGroup,
  type ValuesOf,
} from "#settings/mod.ts";

/** The role's own settings, the cluster's on top where the host said nothing, the operator's over all. */
export class LiveSettings<D extends Declarations> {
  readonly #group: SettingsGroup<D>;
  readonly #own: Resolved<D>;
  readonly #log: NodeLog;
  #cluster: SettingChanges = {};
  #operator: SettingChanges = {};
  #current: Resolved<D>;
  onChange: (values: ValuesOf<D>) => void = () => {};

  constructor(group: SettingsGroup<D>, own: Resolved<D>, log: NodeLog) {
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
    const before = this.#level;
    this.#current = changeSettings(this.#group, below, operator, "running");
    if (this.#level !== undefined && this.#level !== before) this.#log.setLevel(this.#level);
    this.#cluster = cluster;
    this.#operator = operator;
    this.#log.info("settings.changed", { cluster, operator });
    this.onChange(this.#current.values);
  }

  get #level(): LogLevel | undefined {
    return (this.#current.values as { readonly logLevel?: LogLevel }).logLevel;
  }

  /** Every setting as the settings file writes it, and where its value came from. */
  #shown(): object[] {
    const settings = Object.entries(this.#group.settings as Record<string, Setting<unknown>>);
    return settings.map(([property, setting]) => ({
      name: setting.name,
      value: setting.kind.write(this.#current.values[property]),
      origin: this.#current.origins[property]!.text,
      live: setting.live === true,
    }));
  }

  /** `GET /v1/settings`, and `PUT /v1/settings/:name {"value": ...}`. */
  routes(): Route[] {
    return [
      {
        method: "GET",
        path: "/v1/settings",
        doc: "The settings of this process, each with its value and where it came from.",
        access: ["read"],
        handle: async () => ({ status: 200, json: { settings: this.#shown() } }),
      },
      {
        method: "PUT",
        path: "/v1/settings/:name",
        doc: 'Changes a setting of this process while it runs; the body is {"value": TEXT}.',
        access: ["admin"],
        handle: async (request) => {
          const { value } = ((await request.json()) ?? {}) as { value?: unknown };
          this.fromOperator({ [request.params["name"] ?? ""]: value });
          return { status: 200, json: { name: request.params["name"], value } };
        },
      },
    ];
  }
}
