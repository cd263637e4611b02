/**
 * The managers' list of one version as hosts are told it: each entry is written once, and put into the
 * order of the host that asks.
 */

import { NearestManagers, type HostPlace, type ManagerList, type SiteRange } from "#core/placement/mod.ts";

export class ToldList {
  readonly #version: number;
  readonly #nearest: NearestManagers;
  /** Each manager as text, for a host of its own site and for others. */
  readonly #near: readonly string[];
  readonly #far: readonly string[];
  /** For who has this version. */
  readonly unchanged: string;

  constructor({ version, managers }: ManagerList, ranges: readonly SiteRange[]) {
    this.#version = version;
    this.#nearest = new NearestManagers(managers, ranges);
    this.#near = managers.map((manager) => JSON.stringify({ ...manager, near: true }));
    this.#far = managers.map((manager) => JSON.stringify(manager));
    this.unchanged = this.#write([]);
  }

  textFor(host: HostPlace): string {
    const { places, near } = this.#nearest.order(host);
    return this.#write(places.map((place, rank) => (rank < near ? this.#near : this.#far)[place]!));
  }

  #write(managers: readonly string[]): string {
    return `{"version":${this.#version},"managers":[${managers.join(",")}]}\n`;
  }
}
