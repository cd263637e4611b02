/**
 * Folders that lie side by side import one another in one direction only, so that each can be read and
 * changed without those above it. Files of the folder around them are outside of it; so are tests, and
 * whatever lies beside src.
 */

import type { Finding, SourceFile } from "./source.ts";

/** One import from a folder into one beside it. */
interface Step {
  readonly to: string;
  readonly path: string;
  readonly line: number;
}

export function checkCircles(files: readonly SourceFile[]): Finding[] {
  const steps = stepsOf(files);
  return [...steps.keys()].flatMap((folder) => {
    const circle = wayBack(steps, folder);
    // Told once, of the first of them by name.
    if (circle === undefined || circle.some(({ to }) => to < folder)) return [];
    const names = [folder, ...circle.map(({ to }) => to)].map((name) => name.slice(name.lastIndexOf("/") + 1));
    const { path, line } = circle.at(-1)!;
    const message = `circle rule: ${names.join(" -> ")}; turn one of them round, or move what both need below both`;
    return [{ path, line, message }];
  });
}

/** From each folder to those beside it, the first import of each kind. */
function stepsOf(files: readonly SourceFile[]): Map<string, Step[]> {
  const steps = new Map<string, Step[]>();
  for (const { path, imports } of files) {
    if (path.endsWith(".test.ts") || !path.startsWith("src/")) continue;
    for (const { target, line } of imports) {
      const beside = target === undefined ? undefined : sideBySide(path, target);
      if (beside === undefined) continue;
      const [from, to] = beside;
      const known = steps.get(from) ?? [];
      steps.set(from, known);
      if (!known.some((step) => step.to === to)) known.push({ to, path, line });
    }
  }
  return steps;
}

/** The two folders in which the ways to these files part, if both lie in one. */
function sideBySide(one: string, other: string): readonly [string, string] | undefined {
  const [a, b] = [one.split("/"), other.split("/")];
  const at = a.findIndex((name, index) => name !== b[index]);
  if (at < 0 || at >= a.length - 1 || at >= b.length - 1) return undefined;
  return [a.slice(0, at + 1).join("/"), b.slice(0, at + 1).join("/")];
}

/** The shortest way from the folder round to itself. */
function wayBack(steps: ReadonlyMap<string, readonly Step[]>, folder: string): Step[] | undefined {
  const seen = new Set<string>();
  let ways: Step[][] = (steps.get(folder) ?? []).map((step) => [step]);
  while (ways.length > 0) {
    const back = ways.find((way) => way.at(-1)!.to === folder);
    if (back !== undefined) return back;
    ways = ways.flatMap((way) => {
      const { to } = way.at(-1)!;
      if (seen.has(to)) return [];
      seen.add(to);
      return (steps.get(to) ?? []).map((step) => [...way, step]);
    });
  }
  return undefined;
}
