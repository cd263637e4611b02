/** `darner preheat`: the order that a command line means, and how far an order is. */

import { DarnerError } from "#base/mod.ts";
import {
  dockerHub,
  manifestPath,
  parseImageReference,
  type ManagerProgress,
  type PreheatState,
} from "#core/image/mod.ts";

/** As the config service tells it. */
export interface ListedPreheat {
  readonly id: string;
  readonly state: PreheatState;
  readonly message?: string;
  readonly order: {
    readonly what: { readonly kind: string; readonly url?: string; readonly urls?: readonly string[] };
  };
  readonly managers: Readonly<Record<string, ManagerProgress>>;
}

/** Where the image's manifest is; `base` when the registry is not at `https://REGISTRY`. Throws `usage`. */
export function imageUrl(text: string, base: string | undefined): string {
  const { registry, repository, tag, digest } = parseImageReference(text);
  const own = registry === dockerHub ? "https://registry-1.docker.io" : `https://${registry}`;
  return `${base ?? own}${manifestPath(repository, digest ?? tag!)}`;
}

/** `all`, a number or a share such as `10%`. Throws `usage`. */
export function hostsWanted(text: string): { readonly count?: number; readonly percent?: number } {
  if (text === "all") return {};
  const share = /^(\d{1,3}(?:\.\d+)?)%$/.exec(text)?.[1];
  if (share !== undefined) return { percent: Number(share) };
  if (/^[1-9]\d{0,6}$/.test(text)) return { count: Number(text) };
  throw new DarnerError("usage", `cannot preheat "${text}" hosts: it should be all, a number, or a share such as 10%`);
}

export function preheatLine({ id, state, message, order, managers }: ListedPreheat): string {
  const { url, urls = [] } = order.what;
  const what = url ?? (urls.length === 1 ? urls[0]! : `${urls.length} files`);
  const all = Object.values(managers);
  const sum = (count: (one: ManagerProgress) => number): number => all.reduce((total, one) => total + count(one), 0);
  const hosts = all.flatMap((one) => one.hosts.map((host) => ({ ...host, of: one.objects })));
  const inAll = hosts.length + sum(({ hostsMore }) => hostsMore?.count ?? 0);
  const told = hosts.filter((host) => host.failed === undefined && host.objects >= host.of).length;
  const ready = told + sum(({ hostsMore }) => hostsMore?.ready ?? 0);
  const failed = hosts.filter((host) => host.failed !== undefined).length;
  const parts = [
    `${sum((one) => one.held)}/${sum((one) => one.objects)} objects`,
    `${sum((one) => one.bytes)} bytes`,
    ...(hosts.length === 0 ? [] : [`${ready}/${inAll} hosts${failed === 0 ? "" : `, ${failed} failed`}`]),
  ];
  return `${id}  ${state.padEnd(9)}  ${what}  ${parts.join(", ")}${message === undefined ? "" : `: ${message}`}\n`;
}
