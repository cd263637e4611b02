/**
 * A cluster manager as the rest of the cluster sees it: what it says of itself when it registers,
 * and the entry of the versioned list that everybody is told.
 */

import { isUnspecifiedAddress, parseAddress } from "./address.ts";
import { isSiteName } from "./site.ts";

export const managersMax = 1024;
const idPattern = /^[A-Za-z0-9][A-Za-z0-9._:-]{0,127}$/;
const urlCharactersMax = 512;
const versionCharactersMax = 64;

/** `late`: missed a renewal but still has its lease. `draining`: serves what it has, wants nothing new. */
export type ManagerHealth = "up" | "late" | "draining";

/** What a manager says of itself. */
export interface ManagerFacts {
  readonly id: string;
  /** Scheme, host and port, such as `http://10.0.0.1:8002`. */
  readonly url: string;
  /** Empty when it names none: its address then decides. */
  readonly site: string;
  readonly address: string;
  /** 0 idle, 1 as busy as it wants to be; may go above. */
  readonly load: number;
  /** The program's version. */
  readonly version: string;
  readonly draining: boolean;
}

export interface ManagerEntry {
  readonly id: string;
  readonly url: string;
  readonly site: string;
  readonly address: string;
  readonly load: number;
  readonly version: string;
  readonly health: ManagerHealth;
  /** It is of the site of the host that is told the list. */
  readonly near?: boolean;
}

/** Two lists of one version hold the same managers with the same facts (load apart). */
export interface ManagerList {
  readonly version: number;
  readonly managers: readonly ManagerEntry[];
}

export type ManagerFactsRead =
  | { readonly kind: "read"; readonly facts: ManagerFacts }
  | { readonly kind: "wrong"; readonly why: string };

/** Reads a registration; `callerAddress` stands in for an address that it leaves out. */
export function readManagerFacts(id: string, body: unknown, callerAddress: string): ManagerFactsRead {
  const wrong = (why: string): ManagerFactsRead => ({ kind: "wrong", why });
  if (!isRecord(body)) return wrong("the body should be a JSON object");
  const { site = "", address = callerAddress, load = 0, version = "", draining = false } = body;
  const url = typeof body.url === "string" ? readManagerUrl(body.url) : undefined;
  if (!isManagerId(id)) return wrong("its id should be 1 to 128 letters, digits, dots, dashes or colons");
  if (url === undefined) return wrong("url should be http(s)://HOST:PORT with a host that others can reach");
  if (typeof site !== "string" || (site !== "" && !isSiteName(site))) return wrong("site should be a site's name");
  if (typeof address !== "string" || parseAddress(address) === undefined)
    return wrong("address should be an IP address");
  if (typeof load !== "number" || !Number.isFinite(load) || load < 0) return wrong("load should be a number from 0 up");
  if (typeof version !== "string" || version.length > versionCharactersMax)
    return wrong("version should be a short text");
  if (typeof draining !== "boolean") return wrong("draining should be true or false");
  return { kind: "read", facts: { id, url, site, address, load, version, draining } };
}

/** Reads a list that another process sent or that was stored; undefined when it is none. */
export function readManagerList(json: unknown): ManagerList | undefined {
  if (!isRecord(json) || !Number.isSafeInteger(json.version) || !Array.isArray(json.managers)) return undefined;
  if (json.managers.length > managersMax) return undefined;
  const managers: ManagerEntry[] = [];
  for (const item of json.managers as unknown[]) {
    if (!isRecord(item) || typeof item.id !== "string") return undefined;
    const read = readManagerFacts(item.id, item, "");
    if (read.kind === "wrong" || !isHealth(item.health)) return undefined;
    const { id, url, site, address, load, version } = read.facts;
    const near = item.near === true ? { near: true } : {};
    managers.push({ id, url, site, address, load, version, health: item.health, ...near });
  }
  return { version: json.version as number, managers };
}

export function isManagerId(text: string): boolean {
  return idPattern.test(text);
}

/** The URL's origin, or undefined when it has another scheme, a credential, or a host nobody can reach. */
function readManagerUrl(text: string): string | undefined {
  const url = text.length > urlCharactersMax ? null : URL.parse(text);
  if (url === null || (url.protocol !== "http:" && url.protocol !== "https:")) return undefined;
  if (url.username !== "" || url.password !== "" || isUnspecifiedAddress(url.hostname)) return undefined;
  return url.origin;
}

function isHealth(value: unknown): value is ManagerHealth {
  return value === "up" || value === "late" || value === "draining";
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
