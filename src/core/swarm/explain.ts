/**
 * Why a distribution took as long as it did: what each line carried, how far the end is from what the
 * slowest necessary step allows, and which step that was. Times are of the manager's clock.
 *
 * The bound follows from what was seen, not from what the lines could do: nobody has the object before
 * the manager's fetch has ended, and no host takes it faster than the fastest host did.
 */

import { formatBytes } from "#base/mod.ts";

export interface TaskFacts {
  readonly lengthBytes: number | undefined;
  readonly nowMs: number;
  /** When the manager's fetch began and when it had the whole. */
  readonly beganMs: number | undefined;
  readonly wholeMs: number | undefined;
  readonly originBytes: number;
  /** What the manager sent to hosts. */
  readonly seededBytes: number;
  readonly hosts: readonly HostFacts[];
}

export interface HostFacts {
  readonly name: string;
  readonly site: string;
  /** What came to it from other sites. */
  readonly crossedBytes: number;
  readonly heldBytes: number;
  readonly joinedMs: number;
  readonly finishedMs: number | undefined;
}

/** The line into a site, and the hosts behind it. */
interface SiteExplanation {
  readonly site: string;
  readonly hosts: number;
  readonly done: number;
  /** What came in from other sites, the manager's included; hosts that have left meanwhile are not counted. */
  readonly copiesIn: number;
  /** From the first host's ask to the end of this site's last, or until now. */
  readonly makespanMs: number;
}

interface Explanation {
  readonly originCopies: number;
  readonly managerCopies: number;
  /** What hosts gave to hosts. */
  readonly peerCopies: number;
  readonly sites: readonly SiteExplanation[];
  /** From the first host's ask to the last host's end, or until now. */
  readonly makespanMs: number;
  readonly boundMs: number;
  readonly reasons: readonly string[];
}

const slowShare = 1.5;
/** A site whose hosts came late, or that lost connections, gets a little more than one copy. */
const siteCopiesMax = 1.1;
const namedMax = 5;

/** Undefined while the length is unknown or nobody has asked. */
export function explain(facts: TaskFacts): Explanation | undefined {
  const { lengthBytes, hosts, originBytes, seededBytes, nowMs, beganMs, wholeMs } = facts;
  if (lengthBytes === undefined || lengthBytes === 0 || hosts.length === 0) return undefined;
  const firstMs = Math.min(...hosts.map(({ joinedMs }) => joinedMs));
  const lastMs = Math.max(...hosts.map(({ finishedMs }) => finishedMs ?? nowMs));
  const tookMs = (host: HostFacts): number => (host.finishedMs ?? nowMs) - host.joinedMs;
  const finished = hosts.filter(({ finishedMs }) => finishedMs !== undefined);
  const fastestMs = finished.length === 0 ? 0 : Math.min(...finished.map(tookMs));
  const fetchMs = beganMs === undefined ? 0 : (wholeMs ?? nowMs) - Math.max(beganMs, firstMs);
  const makespanMs = Math.max(1, lastMs - firstMs);
  const boundMs = Math.min(makespanMs, Math.max(1, fetchMs, fastestMs));
  const held = hosts.reduce((sum, { heldBytes }) => sum + heldBytes, 0);
  const copies = (bytes: number): number => bytes / lengthBytes;
  const sites = sitesOf(hosts, (own, site): SiteExplanation => ({
    site,
    hosts: own.length,
    done: own.filter(({ finishedMs }) => finishedMs !== undefined).length,
    copiesIn: copies(own.reduce((sum, { crossedBytes }) => sum + crossedBytes, 0)),
    makespanMs: Math.max(...own.map(({ finishedMs }) => finishedMs ?? nowMs)) - firstMs,
  }));
  return {
    originCopies: copies(originBytes),
    managerCopies: copies(seededBytes),
    peerCopies: Math.max(0, copies(held - seededBytes)),
    sites,
    makespanMs,
    boundMs,
    reasons: reasonsOf(facts, { fetchMs, makespanMs, copies, tookMs, sites }),
  };
}

/** The slowest first. */
function sitesOf(
  hosts: readonly HostFacts[],
  explained: (hosts: readonly HostFacts[], site: string) => SiteExplanation,
): SiteExplanation[] {
  const bySite = Map.groupBy(hosts, ({ site }) => site);
  const sites = [...bySite].map(([site, own]) => explained(own, site));
  return sites.sort((a, b) => b.makespanMs - a.makespanMs);
}

function reasonsOf(
  { hosts, originBytes, seededBytes, wholeMs, lengthBytes = 0 }: TaskFacts,
  measured: {
    readonly fetchMs: number;
    readonly makespanMs: number;
    readonly copies: (bytes: number) => number;
    readonly tookMs: (host: HostFacts) => number;
    readonly sites: readonly SiteExplanation[];
  },
): string[] {
  const { fetchMs, makespanMs, copies, tookMs, sites } = measured;
  const reasons: string[] = [];
  const rate = (bytes: number, ms: number): string => `${formatBytes(Math.round((bytes * 1000) / Math.max(1, ms)))}/s`;
  const ofOrigin = fetchMs > 0.8 * makespanMs && originBytes > 0;
  if (ofOrigin) {
    const until = wholeMs === undefined ? "so far" : "until it was whole";
    reasons.push(`the origin was the limit: ${rate(originBytes, fetchMs)} ${until}`);
  }
  if (copies(originBytes) > 1.02) reasons.push(`the origin was asked for ${copies(originBytes).toFixed(2)} copies`);
  for (const { site, copiesIn } of sites) {
    if (copiesIn > siteCopiesMax) reasons.push(`${copiesIn.toFixed(2)} copies came into site ${site}`);
  }
  // While the manager itself waits, its own line is free to send.
  if (!ofOrigin && hosts.length >= 4 && copies(seededBytes) > hosts.length / 2) {
    reasons.push("the hosts fed each other little: the manager sent more than half of all");
  }
  const times = hosts.map(tookMs).sort((a, b) => a - b);
  const medianMs = times[Math.floor(times.length / 2)]!;
  const slow = hosts.filter((host) => tookMs(host) > slowShare * medianMs && tookMs(host) - medianMs > 500);
  slow.sort((a, b) => tookMs(b) - tookMs(a));
  for (const host of slow.slice(0, namedMax)) {
    reasons.push(`${host.name} was slow: ${rate(Math.min(host.heldBytes, lengthBytes), tookMs(host))}`);
  }
  if (slow.length > namedMax) reasons.push(`${slow.length - namedMax} more hosts were slow`);
  if (reasons.length === 0) reasons.push("nothing stands out");
  return reasons;
}
