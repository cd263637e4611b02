/**
 * What a picture shows, without saying how it is drawn: axes, lines of points, and the notes under it.
 * Drawing needs a library that the product does not carry.
 */

import type { Outcome } from "./experiment.ts";
import type { Figures } from "./figures.ts";

export interface Axis {
  readonly title: string;
  readonly scale: "linear" | "logarithmic";
  readonly least?: number;
  readonly most?: number;
}

export interface Series {
  readonly name: string;
  /** Results are drawn with points, bounds dashed and thin, rivals in colours that are not Darner's. */
  readonly role: "result" | "bound" | "rival";
  readonly points: readonly (readonly [x: number, y: number])[];
  /** Points alone, as somebody published them. */
  readonly pointsOnly?: boolean;
  /** Stays at a value until the next point. */
  readonly steps?: boolean;
}

export interface Picture {
  /** Name of the file, without its ending. */
  readonly name: string;
  readonly title: string;
  readonly x: Axis;
  readonly y: Axis;
  readonly series: readonly Series[];
  readonly notes: readonly string[];
}

export const simulated = "Simulated: the product's own matching and upload code on every host, in virtual time.";

/** The share of hosts that are done after each time of their own, at most some hundred points. */
export function shareDone(ordered: readonly number[]): [x: number, y: number][] {
  const points = Math.min(ordered.length, 300);
  return Array.from({ length: points }, (_, number) => {
    const rank = Math.ceil(((number + 1) * ordered.length) / points);
    return [ordered[rank - 1]!, (100 * rank) / ordered.length];
  });
}

/** One point for each number of hosts: the worst over the seeds. */
export function worstByHosts(
  outcomes: readonly Outcome[],
  value: (outcome: Outcome) => number,
): [x: number, y: number][] {
  const worst = new Map<number, number>();
  for (const outcome of outcomes) {
    const { hosts } = outcome.figures;
    worst.set(hosts, Math.max(worst.get(hosts) ?? 0, value(outcome)));
  }
  return [...worst].toSorted((a, b) => a[0] - b[0]);
}

/** A value as a line from the bottom to the top of a picture of `shareDone`. */
export function upright(name: string, value: number): Series {
  return {
    name,
    role: "bound",
    points: [
      [value, 0],
      [value, 100],
    ],
  };
}

export function uprightBounds({ fluidBoundSeconds: fluid, discreteBoundSeconds: discrete }: Figures): Series[] {
  const bounds = [upright(`fluid bound, ${fluid.toFixed(2)} s`, fluid)];
  if (discrete !== undefined) bounds.push(upright(`discrete bound, ${discrete.toFixed(2)} s`, discrete));
  return bounds;
}
