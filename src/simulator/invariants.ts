/**
 * The proof by many seeds: small clusters in which everything goes wrong for a while, drawn from one
 * number each, with every checker on. Once the trouble is over every live honest host must finish
 * soon, the origin must have been asked for nothing twice, and little may have come twice.
 */

import { fluidBoundSeconds } from "./bounds.ts";
import { Checks } from "./checks.ts";
import { Cluster, type ClusterPlan, type HostPlan } from "./cluster.ts";
import { drawFaults, drawSkews } from "./faults.ts";
import { Chance } from "./random.ts";
import type { SitePlan } from "./site-lines.ts";

/** Sites and clocks come from other rows of numbers, so that what a seed drew before stays. */
const sitesOffset = 4_000_037;
const skewsOffset = 8_000_009;
/** After the faults, beside what the lines need at least. */
const graceMs = 60_000;
const faultsMs = 20_000;
/** A piece takes no longer than this to check on any processor. */
const cpuMsMax = 200;
/** Pieces that came twice, of all, beside one for each host: so few pieces are mostly end. */
/** Where nothing goes wrong; a host that comes late may ask for what is on its way already. */
const siteCopiesMax = 1.1;
const duplicatesMax = { calm: 0.1, rough: 0.2 } as const;

export interface InvariantsOptions {
  readonly hosts?: number;
  readonly pieces?: number;
  /** Nothing goes wrong. */
  readonly calm?: boolean;
  readonly trace?: (line: string) => void;
}

export interface InvariantsResult {
  readonly seed: number;
  readonly ok: boolean;
  /** What is broken, with the virtual time. */
  readonly message?: string;
  /** When the last host finished. */
  readonly virtualMs: number;
  readonly events: number;
  readonly faults: number;
  /** Share of the pieces received that were held already. */
  readonly duplicates: number;
}

/** Plays one seed. Broken invariants are told, not thrown. */
export function runInvariants(seed: number, options: InvariantsOptions = {}): InvariantsResult {
  const { cluster, checks, boundMs } = prepare(seed, options);
  let message: string | undefined;
  try {
    cluster.run(boundMs);
    message = judge(cluster, checks, options.calm === true, boundMs);
  } catch (error) {
    message = (error as Error).message;
  }
  return {
    seed,
    ok: message === undefined,
    ...(message === undefined ? {} : { message }),
    virtualMs: cluster.agenda.nowMs,
    events: cluster.agenda.happened,
    faults: cluster.plan.faults?.length ?? 0,
    duplicates: duplicatesOf(cluster),
  };
}

export interface SeedsResult {
  readonly played: number;
  readonly failure?: InvariantsResult;
}

/** Plays the seeds from `from` to `to` in turn and stops at the first that breaks something. */
export function checkSeeds(
  from: number,
  to: number,
  options: InvariantsOptions & { readonly onPlayed?: (result: InvariantsResult) => void } = {},
): SeedsResult {
  let played = 0;
  for (let seed = from; seed <= to; seed++) {
    const result = runInvariants(seed, options);
    played++;
    options.onPlayed?.(result);
    if (!result.ok) return { played, failure: result };
  }
  return { played };
}

/** The command that plays one seed again. */
export function replayCommand(seed: number): string {
  return `npm run sim -- invariants --seed ${seed} --trace`;
}

function prepare(seed: number, options: InvariantsOptions): { cluster: Cluster; checks: Checks; boundMs: number } {
  const checks = new Checks(options.trace);
  const plan = drawPlan(seed, options);
  const cluster = new Cluster({ ...plan, watcher: checks });
  checks.clock = cluster.agenda;
  const lastStartMs = Math.max(...plan.hosts.map((host) => host.startMs ?? 0));
  // The origin fills the seeds before or while they send, and one seed is as fast as they need.
  const bytesPerSecond = Math.min(plan.originBytesPerSecond, plan.seedsBytesPerSecond[0]!);
  const fluidMs = 1000 * fluidBoundSeconds(plan.lengthBytes, bytesPerSecond, plan.hosts);
  // Few pieces are passed on in rounds, some of them by the slowest.
  const slowestUp = Math.min(...plan.hosts.map((host) => host.upBytesPerSecond));
  const boundsMs =
    fluidMs * (1 + Math.log2(plan.hosts.length) / cluster.pieces) + (3000 * cluster.pieceBytes) / slowestUp;
  const troubleMs = Math.max(lastStartMs, options.calm === true ? 0 : faultsMs);
  return { cluster, checks, boundMs: troubleMs + boundsMs + graceMs };
}

/** Lines, sizes, arrivals and faults; the whole takes some seconds on the typical host's line. */
function drawPlan(seed: number, options: InvariantsOptions): ClusterPlan {
  const { hosts = 60, pieces = 64, calm = false } = options;
  const chance = new Chance(seed);
  const pieceBytes = 2 ** (16 + Math.floor(chance.unit() * 9));
  const lengthBytes = Math.ceil((pieces - chance.unit()) * pieceBytes);
  const rateBytesPerSecond = lengthBytes / chance.between(1, 12);
  const spreadMs = chance.unit() < 0.5 ? 0 : chance.unit() * 10_000;
  const latencyMs = 10 ** chance.between(-1, 1.7);
  const liars = calm ? 0 : Math.floor(chance.unit() * (hosts / 15));
  const makeHost = (_: unknown, number: number): HostPlan => {
    const slow = chance.unit() < 0.1 ? chance.between(0.1, 1) : 1;
    return {
      upBytesPerSecond: rateBytesPerSecond * slow * (chance.unit() < 0.1 ? 0.3 : 1),
      downBytesPerSecond: rateBytesPerSecond * slow,
      startMs: chance.unit() * spreadMs,
      lies: number < liars ? chance.between(0.02, 0.5) : 0,
    };
  };
  const made = Array.from({ length: hosts }, makeHost);
  const pieceMs = (1000 * pieceBytes) / rateBytesPerSecond;
  const sites = drawSites(new Chance(seed + sitesOffset), rateBytesPerSecond);
  const wrong = { hosts, untilMs: faultsMs, pieceMs };
  const faults = calm ? [] : [...drawFaults(chance, wrong), ...drawSkews(new Chance(seed + skewsOffset), wrong)];
  return {
    seed,
    lengthBytes,
    pieceBytes,
    originBytesPerSecond: rateBytesPerSecond * chance.between(0.8, 8),
    seedsBytesPerSecond: [rateBytesPerSecond * chance.between(1, 4)],
    hosts: made.map((host, number) => ({ ...host, site: number % sites.length })),
    sites,
    latencyMs,
    jitterMs: chance.unit() * latencyMs,
    stepMs: 0.1,
    pieceCpuMs: chance.unit() < 0.5 ? 0 : chance.unit() * Math.min(0.3 * pieceMs, cpuMsMax),
    faults,
  };
}

/** Mostly one site, else a few, with lines as thin as a host's or much wider. */
function drawSites(chance: Chance, hostBytesPerSecond: number): SitePlan[] {
  const count = chance.unit() < 0.5 ? 1 : 2 + Math.floor(chance.unit() * 4);
  return Array.from({ length: count }, () => ({
    inBytesPerSecond: hostBytesPerSecond * 10 ** chance.between(0, 1.5),
    outBytesPerSecond: hostBytesPerSecond * 10 ** chance.between(0, 1.5),
    latencyMs: 10 ** chance.between(-1, 2),
  }));
}

/** What must be true at the end. */
function judge(cluster: Cluster, checks: Checks, calm: boolean, boundMs: number): string | undefined {
  const { hosts, manager, network, pieces, pieceBytes, plan } = cluster;
  const late = hosts.filter((host) => host.lies === 0 && !host.lost && host.finishedMs === undefined);
  if (late.length > 0) {
    const states = late.slice(0, 5).map((host) => {
      const facts = `${host.held.count} of ${pieces} pieces, ${host.brain.openParents} parents open`;
      return `${host.id} (${facts}${host.link?.welcomed === true ? "" : ", no manager"})`;
    });
    return `${late.length} hosts have not finished after ${Math.round(boundMs)} ms: ${states.join(", ")}`;
  }
  const hollow = hosts.find((host) => host.finishedMs !== undefined && !host.held.full);
  if (hollow !== undefined)
    return `${hollow.id} says that it has it all, with ${hollow.held.count} of ${pieces} pieces`;
  if (manager.originPieces > pieces) return `the origin sent ${manager.originPieces} pieces of ${pieces}`;
  const losses = (plan.faults ?? []).filter(({ kind }) => kind === "manager-restart" || kind === "origin-cut").length;
  if (manager.originBytesLost > losses * pieceBytes) return `the origin sent ${manager.originBytesLost} bytes in vain`;
  const share = duplicatesOf(cluster);
  const most = (calm ? duplicatesMax.calm : duplicatesMax.rough) + 1 / pieces;
  if (share > most)
    return `${(100 * share).toFixed(1)} % of the pieces came twice, at most ${Math.round(100 * most)} %`;
  for (const site of calm ? (plan.sites ?? []).keys() : []) {
    const copies = (network.sites?.lines.intoBytes(site) ?? 0) / plan.lengthBytes;
    if (copies > siteCopiesMax) return `${copies.toFixed(3)} copies came into site ${site}, at most ${siteCopiesMax}`;
  }
  if (checks.lies > 0 && hosts.every((host) => host.lies === 0)) return "wrong bytes came from honest hosts";
  return undefined;
}

function duplicatesOf({ hosts }: Cluster): number {
  let received = 0;
  let duplicates = 0;
  for (const host of hosts) {
    received += host.receivedPieces;
    duplicates += host.duplicates;
  }
  return received === 0 ? 0 : duplicates / received;
}
