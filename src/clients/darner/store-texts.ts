/** What `darner store` says of the objects that this machine keeps. */

import { formatBytes } from "#base/mod.ts";

export interface CheckedVersion {
  readonly task: string;
  readonly url: string | undefined;
  readonly bytes: number;
  readonly spoiled: number | undefined;
}

export interface RemovedVersion {
  readonly path: string;
  readonly bytes: number;
  readonly why: string;
}

/** One line for each object that is not what was stored, and one for all. */
export function verifyText(versions: readonly CheckedVersion[], dryRun: boolean): string {
  const bad = versions.filter(isSpoiled).map(({ task, url, spoiled }) => {
    const what = spoiled === undefined ? "its files cannot be opened" : `${counted(spoiled, "piece")} spoiled`;
    return `${task.slice(0, 12)}  ${what}  ${url?.split(/[?#]/, 1)[0] ?? "?"}\n`;
  });
  const bytes = versions.reduce((sum, version) => sum + version.bytes, 0);
  const checked = `checked ${counted(versions.length, "object")}, ${formatBytes(bytes)}`;
  if (bad.length === 0) return `${checked}: all good\n`;
  const next = dryRun
    ? "without --dry-run the spoiled pieces are dropped"
    : "the spoiled pieces were dropped; they are fetched again when somebody wants them";
  return `${bad.join("")}${checked}: ${bad.length} spoiled; ${next}\n`;
}

export const isSpoiled = ({ spoiled }: Pick<CheckedVersion, "spoiled">): boolean => spoiled !== 0;

export function garbageText(removals: readonly RemovedVersion[], dryRun: boolean): string {
  const lines = removals.map(({ path, bytes, why }) => `${formatBytes(bytes).padStart(9)}  ${path}  ${why}\n`);
  const bytes = removals.reduce((sum, removal) => sum + removal.bytes, 0);
  const what = `${counted(removals.length, "folder")}, ${formatBytes(bytes)}`;
  return `${lines.join("")}${dryRun ? "would remove" : "removed"} ${what}\n`;
}

const counted = (count: number, word: string): string => `${count} ${word}${count === 1 ? "" : "s"}`;
