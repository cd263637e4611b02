/** What came of one simulated cluster, beside what no scheme can beat. */

import type { LinkRates } from "../bounds.ts";
import { discreteBoundSeconds, fluidBoundSeconds, siteBoundSeconds } from "../bounds.ts";
import type { Cluster, ClusterPlan, HostPlan } from "../cluster.ts";

/** What simulating took of this machine. */
export interface Cost {
  readonly wallSeconds: number;
  readonly cpuSeconds: number;
  readonly memoryBytes: number;
}

export interface Figures extends Cost {
  readonly hosts: number;
  readonly pieces: number;
  readonly pieceBytes: number;
  /** Honest hosts that are alive and did not finish. */
  readonly unfinished: number;
  /** From the first ask to the last end; Infinity when a host did not finish. */
  readonly makespanSeconds: number;
  readonly fluidBoundSeconds: number;
  /** Undefined for hosts that differ or come one after the other. */
  readonly discreteBoundSeconds: number | undefined;
  /** The processor's time for all pieces that a host gets; 0 when it is not modelled. */
  readonly cpuBoundSeconds: number;
  /** Each finished honest host's time by its own start, in order. */
  readonly ownSeconds: readonly number[];
  /** The same over what its own line takes. */
  readonly ownRatios: readonly number[];
  readonly originCopies: number;
  readonly seedsCopies: number;
  /** What each manager said and heard, the owner first. */
  readonly managerMessages: readonly number[];
  /** Connections that hosts opened to each manager for the task; the owner is the first. */
  readonly managerGreetings: readonly number[];
  /** How often a host was told its parents, in the mean. */
  readonly parentsToldMean: number;
  /** Copies that came into each site, cut-off pieces included; into the first one the origin's too. */
  readonly siteCopies: readonly number[];
  /** How much of what it could carry until the last end the line into each site carried; out of the first one. */
  readonly lineUse: readonly number[];
  /** Bytes received beyond one copy for each host, in % of all. */
  readonly twicePercent: number;
  readonly virtualSeconds: number;
  readonly events: number;
}

export function figuresOf(cluster: Cluster, cost: Cost): Figures {
  const { plan, hosts, pieces, pieceBytes } = cluster;
  const honest = hosts.flatMap((host, number) =>
    host.lost || host.lies > 0 ? [] : [{ host, plan: plan.hosts[number]! }],
  );
  const finished = honest.filter(({ host }) => host.finishedMs !== undefined);
  const own = finished.map(({ host, plan }) => {
    const seconds = (host.finishedMs! - host.startedMs) / 1000;
    return { seconds, ratio: seconds / (cluster.plan.lengthBytes / plan.downBytesPerSecond) };
  });
  const isAll = finished.length === honest.length;
  const firstMs = hosts.reduce((least, { startedMs }) => Math.min(least, startedMs), Infinity);
  const lastMs = finished.reduce((most, { host }) => Math.max(most, host.finishedMs!), 0);
  const held = hosts.reduce((sum, host) => sum + host.held.count, 0);
  const received = hosts.reduce((sum, host) => sum + host.receivedPieces, 0);
  const originCopies = cluster.manager.originPieces / pieces;
  const makespanSeconds = isAll ? (lastMs - firstMs) / 1000 : Infinity;
  return {
    ...cost,
    hosts: hosts.length,
    pieces,
    pieceBytes,
    unfinished: honest.length - finished.length,
    makespanSeconds,
    ...boundsOf(
      plan,
      honest.map((one) => one.plan),
      pieces,
    ),
    ownSeconds: inOrder(own.map(({ seconds }) => seconds)),
    ownRatios: inOrder(own.map(({ ratio }) => ratio)),
    originCopies,
    seedsCopies: sum([...cluster.seeds, ...cluster.helpers].map(({ sentPieces }) => sentPieces)) / pieces,
    managerMessages: cluster.managers.map(({ messages }) => messages),
    managerGreetings: cluster.managers.map(({ greetings }) => greetings),
    parentsToldMean: sum(cluster.managers.map(({ parentsTold }) => parentsTold)) / hosts.length,
    ...siteFigures(cluster, originCopies, makespanSeconds),
    twicePercent: held === 0 ? 0 : (100 * (received - held)) / held,
    virtualSeconds: cluster.agenda.nowMs / 1000,
    events: cluster.agenda.happened,
  };
}

function siteFigures({ network, plan }: Cluster, originCopies: number, seconds: number) {
  const { lines, plans } = network.sites ?? { lines: undefined, plans: [] };
  return {
    siteCopies: plans.map(
      (_, site) => (lines?.intoBytes(site) ?? 0) / plan.lengthBytes + (site === 0 ? originCopies : 0),
    ),
    lineUse: plans.map(({ inBytesPerSecond, outBytesPerSecond }, site) =>
      site === 0
        ? (lines?.outBytes(site) ?? 0) / outBytesPerSecond / seconds
        : (lines?.intoBytes(site) ?? 0) / inBytesPerSecond / seconds,
    ),
  };
}

const inOrder = (numbers: readonly number[]): number[] => numbers.toSorted((a, b) => a - b);

export interface Bounds {
  readonly fluidBoundSeconds: number;
  readonly discreteBoundSeconds: number | undefined;
  readonly cpuBoundSeconds: number;
}

/**
 * The fluid bound of the hosts that count, each from its own ask, with the uplinks of all. What the
 * manager has not fetched it cannot send, so that the origin's rate bounds as the seeds' does.
 */
function boundsOf(plan: ClusterPlan, counted: readonly HostPlan[], pieces: number): Bounds {
  const { lengthBytes, hosts, originBytesPerSecond } = plan;
  const owner = sum(plan.seedsBytesPerSecond);
  const seeds = owner + sum(plan.helpersBytesPerSecond ?? []);
  const uplinks = sum(hosts.map((host) => host.upBytesPerSecond)) - sum(counted.map((host) => host.upBytesPerSecond));
  const last = counted.reduce(
    (last, { startMs = 0, downBytesPerSecond }) => Math.max(last, startMs / 1000 + lengthBytes / downBytesPerSecond),
    0,
  );
  const firstMs = hosts.reduce((first, { startMs = 0 }) => Math.min(first, startMs), Infinity);
  const fluid = Math.max(
    lengthBytes / Math.min(originBytesPerSecond, owner),
    fluidBoundSeconds(lengthBytes, seeds + uplinks, counted),
    last - firstMs / 1000,
    sitesBound(plan),
  );
  const rate = hosts[0]!.upBytesPerSecond;
  const isEven = plan.sites === undefined && hosts.every((host) => isOneRate(host, rate) && (host.startMs ?? 0) === 0);
  return {
    fluidBoundSeconds: fluid,
    discreteBoundSeconds: isEven
      ? Math.max(fluid, discreteBoundSeconds(lengthBytes, pieces, hosts.length, rate, seeds))
      : undefined,
    cpuBoundSeconds: ((plan.pieceCpuMs ?? 0) * pieces) / 1000,
  };
}

function sitesBound({ sites = [], hosts, lengthBytes }: ClusterPlan): number {
  const [home] = sites;
  if (home === undefined) return 0;
  const away = new Set(hosts.map(({ site = 0 }) => site).filter((site) => site > 0));
  return siteBoundSeconds(
    lengthBytes,
    home,
    [...away].map((site) => sites[site]!),
  );
}

const sum = (numbers: readonly number[]): number => numbers.reduce((total, number) => total + number, 0);

const isOneRate = (line: LinkRates, rate: number): boolean =>
  line.upBytesPerSecond === rate && line.downBytesPerSecond === rate;

/** The smallest of the ordered numbers that `share` of them do not exceed; Infinity without numbers. */
export function quantile(ordered: readonly number[], share: number): number {
  return ordered[Math.max(0, Math.ceil(share * ordered.length - 1e-9) - 1)] ?? Infinity;
}

/** The makespan over what no scheme can beat. */
export function fluidRatio({ makespanSeconds, fluidBoundSeconds }: Figures): number {
  return makespanSeconds / fluidBoundSeconds;
}
