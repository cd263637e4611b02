/**
 * The config service's routes: managers register here, hosts ask for the nearest ones, and settings
 * are read, watched and changed.
 *
 * A list or the settings can be watched: `?after=VERSION&waitMs=` answers when the version is another
 * one, and after `waitMs` in any case. Who has the managers' newest version already is told just that.
 */

import { DarnerError } from "#base/mod.ts";
import { revokedMembersKey } from "#core/model/mod.ts";
import {
  isManagerId,
  isSiteName,
  parseAddress,
  readManagerFacts,
  readSiteRanges,
  siteRangesKey,
} from "#core/placement/mod.ts";
import { callerAddress, callerOf } from "#platform/sockets/caller.ts";
import type { Route, RouteAnswer, RouteRequest } from "#platform/http-server/server.ts";
import type { SettingValue } from "#storage/cluster-state/mod.ts";
import type { ClusterView } from "./cluster-view.ts";
import type { Watchers } from "./watchers.ts";

export const waitMsMax = 60_000;
const settingBytesMax = 64 * 1024;
const settingKeyPattern = /^[a-z][a-z0-9]*(?:[.-][a-z0-9]+)*$/;
const settingKeyCharactersMax = 128;

export interface RoutesOptions {
  /** Throws `cluster.unreachable` while the service is starting. */
  readonly view: () => ClusterView;
  readonly listWatchers: Watchers;
  readonly settingsWatchers: Watchers;
  readonly leaseMs: number;
  /** Why a cluster-wide setting cannot have a value, as one line for its user; undefined when it can. */
  readonly validate: (key: string, value: unknown) => string | undefined;
}

export function configRoutes(options: RoutesOptions): readonly Route[] {
  return [...managerRoutes(options), ...settingRoutes(options)];
}

function managerRoutes(options: RoutesOptions): readonly Route[] {
  const { view, listWatchers, leaseMs } = options;
  return [
    {
      method: "PUT",
      path: "/v1/managers/:id",
      doc: "A manager registers, or renews its lease: {url, site, address, load, version, draining}.",
      access: ["manager"],
      async handle(request) {
        const id = ownId(request, "register");
        const read = readManagerFacts(id, await request.json(), callerAddress(request.raw) ?? "127.0.0.1");
        if (read.kind === "wrong") {
          throw new DarnerError("cluster.protocol", `cannot register the manager: ${read.why}`);
        }
        view().register(read.facts);
        return answer({ leaseMs, settingsVersion: view().settings.version, listVersion: view().list.version });
      },
    },
    {
      method: "DELETE",
      path: "/v1/managers/:id",
      doc: "A manager gives up its lease; fine when it has none.",
      access: ["manager"],
      async handle(request) {
        const id = ownId(request, "remove");
        if (isManagerId(id)) view().leave(id);
        return answer({ listVersion: view().list.version });
      },
    },
    {
      method: "GET",
      path: "/v1/managers",
      doc: "The managers, nearest to the host first: ?site=&address= (default: the caller's), &after=VERSION&waitMs=.",
      access: ["host", "manager", "read"],
      async handle(request) {
        const host = readHost(request);
        const { version } = view().list;
        await untilChanged(request, listWatchers, version);
        const isKnown = request.query.get("after") === String(version) && view().list.version === version;
        const { told } = view();
        return { status: 200, text: isKnown ? told.unchanged : told.textFor(host), contentType: "application/json" };
      },
    },
  ];
}

function settingRoutes(options: RoutesOptions): readonly Route[] {
  const { view, settingsWatchers, validate } = options;
  return [
    {
      method: "GET",
      path: "/v1/settings",
      doc: "The cluster's settings and their version: ?after=VERSION&waitMs=.",
      access: ["host", "manager", "read"],
      async handle(request) {
        await untilChanged(request, settingsWatchers, view().settings.version);
        return answer(view().settings);
      },
    },
    {
      method: "PUT",
      path: "/v1/settings/:key",
      doc: "Sets a cluster-wide setting: {value}. It is stored when this answers, and on its way to everybody.",
      access: ["admin"],
      async handle(request) {
        const key = readKey(request);
        const value = readValue(key, await request.json());
        const trouble = key === siteRangesKey ? rangesTrouble(value) : validate(key, value);
        if (trouble !== undefined) throw new DarnerError("settings.invalid", trouble);
        await view().putSetting(key, value);
        return answer({ version: view().settings.version });
      },
    },
    {
      method: "DELETE",
      path: "/v1/settings/:key",
      doc: "Gives a cluster-wide setting back to its default; fine when it is not set.",
      access: ["admin"],
      async handle(request) {
        await view().deleteSetting(readKey(request));
        return answer({ version: view().settings.version });
      },
    },
  ];
}

/** The manager that the path names; a caller that has proved who it is speaks for itself alone. */
function ownId(request: RouteRequest, action: string): string {
  const id = param(request, "id");
  const caller = callerOf(request.raw);
  if (caller.kind !== "member" || caller.member.id === id) return id;
  const why = `the caller is ${caller.member.id}, and speaks for nobody else`;
  throw new DarnerError("trust.right", `cannot ${action} the manager ${id}: ${why}`);
}

/** Waits while the caller already has what there is; a caller that goes away stops waiting. */
export async function untilChanged(request: RouteRequest, watchers: Watchers, version: number): Promise<void> {
  const after = readWhole(request, "after", Number.MAX_SAFE_INTEGER);
  const waitMs = readWhole(request, "waitMs", waitMsMax) ?? 0;
  if (after === version) await watchers.wait(waitMs, (gone) => request.response.once("close", gone));
}

function readHost(request: RouteRequest): { site?: string; address: string } {
  const site = request.query.get("site") ?? "";
  const address = request.query.get("address") ?? callerAddress(request.raw) ?? "127.0.0.1";
  if (site !== "" && !isSiteName(site)) throw malformed("site should be a site's name");
  if (parseAddress(address) === undefined) throw malformed("address should be an IP address");
  return site === "" ? { address } : { site, address };
}

function readWhole(request: RouteRequest, name: string, max: number): number | undefined {
  const text = request.query.get(name);
  if (text === null) return undefined;
  if (!/^\d{1,16}$/.test(text)) throw malformed(`${name} should be a whole number`);
  return Math.min(Number(text), max);
}

function readKey(request: RouteRequest): string {
  const key = param(request, "key");
  if (key === revokedMembersKey) {
    throw new DarnerError("settings.invalid", `cannot change ${key}: it follows from darner member revoke`);
  }
  if (key.length <= settingKeyCharactersMax && settingKeyPattern.test(key)) return key;
  throw new DarnerError(
    "settings.unknown-key",
    "cannot change a setting: its key should be words with dots and dashes",
  );
}

function readValue(key: string, body: unknown): SettingValue {
  const value = typeof body === "object" && body !== null && "value" in body ? body.value : undefined;
  if (value === undefined) throw malformed(`the body for ${key} should be {"value": ...}`);
  if (Buffer.byteLength(JSON.stringify(value)) > settingBytesMax) {
    throw new DarnerError(
      "settings.invalid",
      `cannot change ${key}: its value should have at most ${settingBytesMax} bytes`,
    );
  }
  return value as SettingValue;
}

function rangesTrouble(value: SettingValue): string | undefined {
  const read = readSiteRanges(value);
  return read.kind === "wrong" ? `cannot change ${siteRangesKey}: ${read.why}` : undefined;
}

function param(request: RouteRequest, name: string): string {
  return request.params[name] ?? "";
}

function malformed(why: string): DarnerError {
  return new DarnerError("cluster.protocol", `cannot answer the request: ${why}`);
}

function answer(json: object): RouteAnswer {
  return { status: 200, json };
}
