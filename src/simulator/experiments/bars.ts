/** What an experiment must show: a figure, its limit, and on which side of it the figure must be. */

export interface Bar {
  readonly text: string;
  readonly sense: "at most" | "at least";
  readonly limit: number;
  /** The worst of the outcomes that the bar is about; undefined when none of them was run. */
  readonly figure: number | undefined;
  readonly digits: number;
}

/** A figure that is exactly at its limit must not fail by rounding. */
const rounding = 1e-9;

export function atMost(text: string, limit: number, figures: readonly number[], digits = 3): Bar {
  const figure = figures.length === 0 ? undefined : Math.max(...figures);
  return { text, sense: "at most", limit, figure, digits };
}

export function atLeast(text: string, limit: number, figures: readonly number[], digits = 3): Bar {
  const figure = figures.length === 0 ? undefined : Math.min(...figures);
  return { text, sense: "at least", limit, figure, digits };
}

/** Undefined when nothing was run that the bar is about. */
export function holds({ sense, limit, figure }: Bar): boolean | undefined {
  if (figure === undefined) return undefined;
  const slack = Math.abs(limit) * rounding;
  return sense === "at most" ? figure <= limit + slack : figure >= limit - slack;
}
