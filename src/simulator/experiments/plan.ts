/** Parts that the experiments' plans are made of, and the same in words. */

import { formatBytes } from "#base/mod.ts";
import type { HostPlan } from "../cluster.ts";
import type { Scene } from "./experiment.ts";

export const mbit = 125_000;
export const gbit = 125_000_000;
export const megabyte = 1e6;
export const gigabyte = 1e9;

/** Unless an experiment says otherwise: one way within a data centre, and what is added by chance. */
export const latency = { latencyMs: 0.5, jitterMs: 0.2 } as const;

/** The article's managers: one brain, two seeds on lines of 1 Gbit/s, which is also all that they can fetch. */
export const articleManagers = {
  originBytesPerSecond: 2 * gbit,
  seedsBytesPerSecond: [gbit, gbit],
} as const;

export function equalHosts(count: number, bytesPerSecond: number): HostPlan[] {
  const host = { upBytesPerSecond: bytesPerSecond, downBytesPerSecond: bytesPerSecond };
  return Array.from({ length: count }, () => host);
}

/** `1 host`, `10,000 hosts`. */
export function countText(count: number, of: string): string {
  return `${count.toLocaleString("en")} ${of}${count === 1 ? "" : "s"}`;
}

/** `100 Mbit/s`, `2 Gbit/s`. */
export function rateText(bytesPerSecond: number): string {
  const megabits = (bytesPerSecond * 8) / 1e6;
  const [value, unit] = megabits < 1000 ? [megabits, "Mbit/s"] : [megabits / 1000, "Gbit/s"];
  return `${Number(value.toFixed(2))} ${unit}`;
}

/** `200 MB`, `5 GB`. */
export function lengthText(bytes: number): string {
  return formatBytes(bytes)
    .replace(/(\.\d*?)0+(?= )/, "$1")
    .replace(". ", " ");
}

/** Lines and latency of a scene in one sentence. */
export function linesText({ plan }: Scene): string {
  const seeds = new Map<number, number>();
  for (const rate of plan.seedsBytesPerSecond) seeds.set(rate, (seeds.get(rate) ?? 0) + 1);
  const seedsText = [...seeds].map(([rate, count]) => `${countText(count, "manager seed")} at ${rateText(rate)}`);
  const rates = plan.hosts.map((host) => host.downBytesPerSecond);
  const [least, most] = [rates.reduce((a, b) => Math.min(a, b)), rates.reduce((a, b) => Math.max(a, b))];
  const hosts = least === most ? rateText(most) : `${rateText(least)} to ${rateText(most)}`;
  const way = `${plan.latencyMs} ms + up to ${plan.jitterMs} ms each way`;
  return `the manager fetches at ${rateText(plan.originBytesPerSecond)}, ${seedsText.join(", ")}, hosts at ${hosts} up and down, latency ${way}`;
}
