/**
 * Preheat orders: what is to be where before anybody asks for it. An order names an image by its
 * manifest's address at the registry, or files by their URLs, and who is to have them: the managers
 * alone, or some of the hosts as well. Read from what anybody may have sent, whole or not at all.
 */

import type { TaskAsk } from "#core/protocol/mod.ts";
import { readRegistryPath } from "./registry-path.ts";

export interface HostChoice {
  /** At most so many, or this share of them, counted where each manager's hosts are. */
  readonly count?: number;
  readonly percent?: number;
  /** Hosts of these names or sites; absent: any. */
  readonly names?: readonly string[];
  readonly sites?: readonly string[];
}

export type PreheatWhat =
  /** `https://REGISTRY/v2/REPOSITORY/manifests/TAG-OR-DIGEST`. */
  | { readonly kind: "image"; readonly url: string; readonly platforms: readonly string[] }
  | { readonly kind: "files"; readonly urls: readonly string[] };

export interface PreheatOrder {
  readonly what: PreheatWhat;
  /** Absent: the managers alone. */
  readonly hosts?: HostChoice;
}

export type PreheatState = "open" | "done" | "failed" | "cancelled";

/** How far one host is, in objects; `failed` says why it goes no further. */
export interface HostProgress {
  readonly host: string;
  readonly name: string;
  readonly objects: number;
  readonly failed?: string;
}

/** What one manager has to say of an order: its own objects, and its hosts'. */
export interface ManagerProgress {
  readonly state: "running" | "done" | "failed";
  readonly message?: string;
  /** Objects that this manager sees to, and those that it holds. */
  readonly objects: number;
  readonly held: number;
  readonly bytes: number;
  /** Of very many only some: those that failed, then those that are not ready. */
  readonly hosts: readonly HostProgress[];
  /** The others, and how many of them are ready. */
  readonly hostsMore?: { readonly count: number; readonly ready: number };
}

const urlsMax = 1000;
const namesMax = 1000;

/** What every taker of content by digest asks for, so that what is preheated is what is pulled. */
export function contentAsk(
  url: string,
  headers: Readonly<Record<string, string>>,
  digest: string,
): TaskAsk & { readonly digest: string } {
  return { url, headers, filterQuery: [], tag: "", digest };
}

/** A sentence's end that says what is wrong, or the order. */
export function readPreheatOrder(value: unknown): { readonly order: PreheatOrder } | { readonly why: string } {
  if (!isObject(value)) return { why: "it should be an object" };
  const what = readWhat(value["what"]);
  if (typeof what === "string") return { why: what };
  if (value["hosts"] === undefined) return { order: { what } };
  const hosts = readChoice(value["hosts"]);
  return typeof hosts === "string" ? { why: hosts } : { order: { what, hosts } };
}

function readWhat(value: unknown): PreheatWhat | string {
  if (!isObject(value)) return "what should say {kind: image, url} or {kind: files, urls}";
  if (value["kind"] === "image") {
    const { url, platforms = [] } = value;
    const path = typeof url === "string" && isHttp(url) ? readRegistryPath(new URL(url).pathname).kind : "other";
    if (path !== "tag" && path !== "manifest") return "url should be https://REGISTRY/v2/NAME/manifests/TAG";
    if (!isTexts(platforms, 100)) return "platforms should be a list such as [linux/arm64]";
    return { kind: "image", url: url as string, platforms };
  }
  const { urls } = value;
  if (value["kind"] !== "files" || !isTexts(urls, urlsMax) || urls.length === 0 || !urls.every(isHttp))
    return `urls should be 1 to ${urlsMax} http or https URLs`;
  return { kind: "files", urls };
}

function readChoice(value: unknown): HostChoice | string {
  if (!isObject(value)) return "hosts should be an object";
  const { count, percent, names, sites } = value;
  if (count !== undefined && !(Number.isSafeInteger(count) && (count as number) > 0)) return "count should be above 0";
  if (percent !== undefined && !(typeof percent === "number" && percent > 0 && percent <= 100))
    return "percent should be above 0, at most 100";
  for (const list of [names, sites])
    if (list !== undefined && !isTexts(list, namesMax)) return "names and sites should be lists of texts";
  return {
    ...(count === undefined ? {} : { count: count as number }),
    ...(percent === undefined ? {} : { percent }),
    ...(names === undefined ? {} : { names: names as readonly string[] }),
    ...(sites === undefined ? {} : { sites: sites as readonly string[] }),
  };
}

/** The hosts that the choice means, the same for the same hosts whoever asks. */
export function chooseHosts<H extends { readonly id: string; readonly name: string; readonly site: string }>(
  hosts: readonly H[],
  { count = Infinity, percent = 100, names, sites }: HostChoice,
): readonly H[] {
  const fitting = hosts
    .filter(({ name, site }) => (names?.includes(name) ?? true) && (sites?.includes(site) ?? true))
    .toSorted((a, b) => (a.id < b.id ? -1 : 1));
  return fitting.slice(0, Math.min(count, Math.ceil((fitting.length * percent) / 100)));
}

/** What the managers' words make of the order as a whole. `expected`: the managers that are to speak. */
export function preheatState(
  expected: readonly string[],
  told: ReadonlyMap<string, Pick<ManagerProgress, "state" | "hosts">>,
): Extract<PreheatState, "open" | "done" | "failed"> {
  const said = expected.map((manager) => told.get(manager));
  if (said.length === 0 || said.some((one) => one === undefined || one.state === "running")) return "open";
  const failed = said.some((one) => one!.state === "failed" || one!.hosts.some((host) => host.failed !== undefined));
  return failed ? "failed" : "done";
}

function isHttp(text: string): boolean {
  return text.length <= 4096 && URL.canParse(text) && /^https?:$/.test(new URL(text).protocol);
}

function isTexts(value: unknown, max: number): value is readonly string[] {
  return Array.isArray(value) && value.length <= max && value.every((item) => typeof item === "string" && item !== "");
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
