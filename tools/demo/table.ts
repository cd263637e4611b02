/** The demo's picture: a row for the origin, the manager and each host, made to fit a terminal's width. */

import { formatBytes, formatDuration, formatRate } from "#base/mod.ts";

export interface HostRow {
  readonly name: string;
  readonly originBytes: number;
  readonly peerBytes: number;
  readonly bytesPerSecond: number;
  readonly doneMs: number | undefined;
}

export interface Picture {
  readonly sizeBytes: number;
  readonly elapsedMs: number;
  readonly originBytes: number;
  readonly originBytesPerSecond: number;
  readonly originLimitBytesPerSecond: number;
  readonly managerBytes: number;
  readonly hosts: readonly HostRow[];
}

const barColumnsMin = 10;
const barColumnsMax = 36;
/** A host's row without its bar and without its sources, and what these may take. */
const rowColumns = 31;
const sourcesColumns = 29;

/** Escape sequences, or nothing where colours are not wanted. */
export interface Paint {
  readonly origin: string;
  readonly peers: string;
  readonly faint: string;
  readonly bold: string;
  readonly plain: string;
}

export const noPaint: Paint = { origin: "", peers: "", faint: "", bold: "", plain: "" };
export const terminalPaint: Paint = {
  origin: "\u001b[33m",
  peers: "\u001b[36m",
  faint: "\u001b[2m",
  bold: "\u001b[1m",
  plain: "\u001b[0m",
};

export function pictureLines(picture: Picture, columns: number, paint: Paint): string[] {
  // The last column stays free: some terminals wrap when it is written.
  const room = columns - 1 - rowColumns - sourcesColumns;
  const isWide = room >= barColumnsMin;
  const barColumns = isWide ? Math.min(barColumnsMax, room) : barColumnsMin;
  const { sizeBytes, originBytes, managerBytes, hosts } = picture;
  const full = Math.round((picture.originBytesPerSecond / picture.originLimitBytesPerSecond) * barColumns);
  const line = bar([[Math.min(full, barColumns), paint.origin]], barColumns, paint);
  const given = hosts.reduce((sum, host) => sum + host.peerBytes, 0) - managerBytes;
  const sent = `${formatBytes(originBytes)} sent, ${copiesText(originBytes, sizeBytes)}`;
  const summary = `the manager sent ${formatBytes(managerBytes)}, the hosts gave each other ${formatBytes(Math.max(0, given))}`;
  return [
    `  origin   ${line}       ${right(formatRate(picture.originBytesPerSecond), 11)}${isWide ? `  ${sent}` : ""}`,
    "",
    ...hosts.map((host) => hostLine(host, sizeBytes, { barColumns, isWide }, paint)),
    "",
    `  ${paint.faint}${summary.slice(0, columns - 3)}${paint.plain}`,
  ];
}

interface Room {
  readonly barColumns: number;
  /** Enough for the sources too. */
  readonly isWide: boolean;
}

function hostLine(host: HostRow, sizeBytes: number, { barColumns, isWide }: Room, paint: Paint): string {
  const { originBytes, peerBytes } = host;
  const cells = (bytes: number): number => Math.round((bytes / sizeBytes) * barColumns);
  const fromOrigin = cells(originBytes);
  const fromPeers = Math.min(cells(originBytes + peerBytes), barColumns) - fromOrigin;
  const filled = bar(
    [
      [fromOrigin, paint.origin],
      [fromPeers, paint.peers],
    ],
    barColumns,
    paint,
  );
  const percent = right(`${Math.min(100, Math.floor(((originBytes + peerBytes) / sizeBytes) * 100))} %`, 5);
  const speed = host.doneMs === undefined ? formatRate(host.bytesPerSecond) : `in ${formatDuration(host.doneMs)}`;
  const sources = isWide ? `  peers ${formatBytes(peerBytes)}, origin ${formatBytes(originBytes)}` : "";
  return `  ${host.name.padEnd(8)} ${filled} ${percent} ${right(speed, 11)}${sources}`;
}

/** For where nothing can be redrawn: the whole picture in one line. */
export function pictureLine(picture: Picture): string {
  const { hosts, sizeBytes, originBytes } = picture;
  const come = hosts.reduce((sum, host) => sum + host.peerBytes + host.originBytes, 0);
  const percent = Math.floor((come / (sizeBytes * hosts.length)) * 100);
  const each = hosts.map((host) => Math.floor(((host.peerBytes + host.originBytes) / sizeBytes) * 100)).join(" ");
  return `  ${right(formatDuration(picture.elapsedMs), 6)}  ${right(`${percent} %`, 5)} of all (hosts: ${each}), origin ${copiesText(originBytes, sizeBytes)}`;
}

export function copiesText(bytes: number, sizeBytes: number): string {
  const copies = (bytes / sizeBytes).toFixed(2);
  return `${copies} ${copies === "1.00" ? "copy" : "copies"}`;
}

function bar(parts: readonly (readonly [number, string])[], columns: number, paint: Paint): string {
  const filled = parts.reduce((sum, [cells]) => sum + cells, 0);
  const drawn = parts
    .map(([cells, colour]) => (cells > 0 ? `${colour}${"█".repeat(cells)}${paint.plain}` : ""))
    .join("");
  return `${drawn}${paint.faint}${"░".repeat(Math.max(0, columns - filled))}${paint.plain}`;
}

const right = (text: string, columns: number): string => text.padStart(columns);
