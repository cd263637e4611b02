/** Figures of several runs, gathered by name; what is quoted is their median. */

import { median } from "../machine.ts";
import type { Bar, RowResult } from "./row.ts";

export class Series {
  readonly #runs = new Map<string, number[]>();

  add(name: string, value: number): void {
    const runs = this.#runs.get(name);
    if (runs === undefined) this.#runs.set(name, [value]);
    else runs.push(value);
  }

  median(name: string): number {
    return median(this.#runs.get(name) ?? []);
  }

  /** The largest of all runs. */
  most(name: string): number {
    return Math.max(...(this.#runs.get(name) ?? []));
  }

  result(bars: readonly Bar[]): RowResult {
    const names = [...this.#runs.keys()];
    return {
      figures: Object.fromEntries(names.map((name) => [name, this.median(name)])),
      runs: Object.fromEntries(this.#runs),
      bars,
    };
  }
}
