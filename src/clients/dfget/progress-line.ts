/** The line that a terminal shows while bytes come, made to fit its width. */

import { formatBytes, formatDuration, formatRate } from "#base/mod.ts";
import type { BytesBySource } from "#core/protocol/mod.ts";

export interface ProgressFacts {
  readonly name: string;
  readonly bytes: BytesBySource;
  /** Undefined while nobody knows. */
  readonly lengthBytes: number | undefined;
  readonly bytesPerSecond: number;
  readonly remainingMs: number | undefined;
  readonly columns: number;
}

const nameColumnsMax = 24;
const barColumnsMin = 8;
const barColumnsMax = 30;

/** `name  43% [=====>    ] 86.0 MB  12.5 MB/s  9.1 s left  origin 80 MB, peers 6 MB`, less where it is narrow. */
export function progressLine(facts: ProgressFacts): string {
  // The last column stays free: some terminals wrap when it is written.
  const columns = Math.max(10, facts.columns - 1);
  const come = totalBytes(facts.bytes);
  const share = facts.lengthBytes === undefined ? undefined : shareOf(come, facts.lengthBytes);
  const name = shorten(facts.name, Math.min(nameColumnsMax, Math.floor(columns / 3)));
  const percent = share === undefined ? "" : `${String(Math.floor(share * 100)).padStart(3)}%`;
  const left =
    facts.remainingMs === undefined || facts.lengthBytes === undefined
      ? ""
      : `${formatDuration(facts.remainingMs)} left`;
  const sources = sourcesText(facts.bytes);
  // From the most to the least needed; what does not fit is left out.
  const parts = [name, percent, formatBytes(come), formatRate(facts.bytesPerSecond), left, sources].filter(
    (part) => part !== "",
  );
  const kept: string[] = [];
  let used = 0;
  for (const part of parts) {
    const width = part.length + (kept.length === 0 ? 0 : 2);
    if (used + width > columns) break;
    kept.push(part);
    used += width;
  }
  const room = columns - used - 2;
  if (share !== undefined && kept.length > 2 && room >= barColumnsMin + 2)
    kept.splice(2, 0, bar(share, Math.min(barColumnsMax, room - 2)));
  return kept.join("  ");
}

/** `origin 80.0 MB, peers 6.00 MB`; nothing while nothing has come. */
export function sourcesText(bytes: BytesBySource): string {
  const sources: readonly [string, number][] = [
    ["origin", bytes.origin],
    ["peers", bytes.peers],
    ["local", bytes.local],
  ];
  return sources
    .filter(([, count]) => count > 0)
    .map(([source, count]) => `${source} ${formatBytes(count)}`)
    .join(", ");
}

export const totalBytes = (bytes: BytesBySource): number => bytes.origin + bytes.peers + bytes.local;

function shareOf(come: number, lengthBytes: number): number {
  return lengthBytes === 0 ? 1 : Math.min(1, come / lengthBytes);
}

function bar(share: number, columns: number): string {
  const filled = Math.round(share * columns);
  const head = filled > 0 && filled < columns ? ">" : "";
  return `[${"=".repeat(filled - head.length)}${head}${" ".repeat(columns - filled)}]`;
}

function shorten(text: string, columns: number): string {
  const plain = text.replace(/[\p{Cc}\p{Cf}]/gu, "?");
  return plain.length <= columns ? plain : `${plain.slice(0, Math.max(1, columns - 3))}...`;
}
