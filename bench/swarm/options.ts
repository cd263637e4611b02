/** The flags of the swarm benchmark, their help, and the layout of machines that they ask for. */

import { parseArgs } from "node:util";
import type { Layout } from "./figures.ts";
import { sitesMax } from "./network.ts";

const defaults = { hosts: 20, mb: 100, hostMbit: 25, originMbit: 100, managerMbit: 100, runs: 3, pieceKib: 256 };

export const help = `npm run bench:swarm -- [FLAGS]

One file's way from an origin (nginx) to many hosts that want it at the same time, every machine a
network namespace behind a shaped link; the contenders one after the other in the same run. Needs
root and Debian packages; nothing leaves the machine.

  --hosts N          hosts that want the file (${defaults.hosts})
  --mb SIZE          the file, in millions of bytes, random (${defaults.mb})
  --host-mbit R      a host's link, each way, Mbit/s (${defaults.hostMbit})
  --origin-mbit R    the origin's link (${defaults.originMbit})
  --manager-mbit R   the link of Darner's manager; the BitTorrent tracker runs there too (${defaults.managerMbit})
  --slow K:MBIT      the first K hosts have this link instead: look at fast_max
  --sites K:MBIT     K sites with a line of this rate each way, hosts by turns in each, the manager in
                     the first, the origin outside: look at site copies, the most into any site
  --stagger SECONDS  hosts start this much apart, not all at once: look at own_max
  --runs N           rounds of all contenders; medians are printed (${defaults.runs})
  --only NAME,NAME   of curl, aria2, libtorrent, darner, darner-trusted, in this order in each
                     round (all); darner runs with --trust off, darner-trusted with all of it on
  --piece-kib SIZE   piece length of the .torrent that aria2 and libtorrent share (${defaults.pieceKib}, with
                     which both were faster than with 1024)
  --install          first fetch what is missing: apt-get update, apt-get install (Debian may start
                     the nginx that it brings, on port 80; the benchmark does not need that one)
  --profile HOST     also profile this host's processes (from 0): the daemon's .cpuprofile, which Chrome's
                     developer tools open, is left in bench/results/profiles; the host is slower for it
  --keep             leave the files and logs of each run in their folder
  --help             this text

What is printed, medians over the runs in which every host got the file whole:

  makespan       from the first host's start to the last host's end, seconds
  x bound        makespan over the fluid bound (Kumar and Ross 2006), which is the same for all:
                 max(F/C_origin, F/d_min, N F/(C_origin + C_manager + sum of u)), F the file and the
                 rates what TCP can carry, 0.95 of the line; with --sites also F over a site's line
  own_max        the longest time of one host by its own start; in brackets the largest of each
                 host's own time over F/d, what its own line takes
  fast_max       with --slow: the same of the hosts that are not slow, over their F/d
  origin copies  bytes that left the origin's interface, headers and retransmissions counted, over F
  manager copies the same at the manager
  CPU s/GB       CPU seconds of the whole machine from the first start to the last end, kernel and
                 interrupts too (/proc/stat), over the bytes that all hosts got. Contenders run one
                 at a time; what other programs use is in it, so keep the machine quiet: "busy
                 before" is how many cores were at work in the last second before the start
  own CPU s/GB   the same counted of the contender's own processes alone (a cgroup's cpu.stat), in
                 which packets handled by interrupts outside of any process are missing

Then Darner over each other contender: the median of the ratios within a round.

A link lets a burst of 256 KB pass at once, so that tiny files can come out below their bound.
Ends with 1 when a host did not get the file whole, with 2 when something is to be set right first.
Files lie in $TMPDIR or /tmp, for all contenders alike: TMPDIR=/dev/shm takes the disk out of it.
Darner is the bundle that "npm ci" makes, made anew first. Every run is a line of
bench/results/swarm.jsonl with the machine's facts.
`;

export interface Options {
  readonly layout: Layout;
  readonly runs: number;
  readonly only: readonly string[] | undefined;
  readonly torrentPieceBytes: number;
  readonly install: boolean;
  readonly keep: boolean;
  /** The host whose processes are profiled. */
  readonly profile: number | undefined;
  readonly help: boolean;
}

/** Throws an Error that names the flag. */
export function parseOptions(args: readonly string[]): Options {
  const text = { type: "string" } as const;
  const flag = { type: "boolean", default: false } as const;
  const { values } = parseArgs({
    args: [...args],
    options: {
      "hosts": text,
      "mb": text,
      "host-mbit": text,
      "origin-mbit": text,
      "manager-mbit": text,
      "slow": text,
      "sites": text,
      "stagger": text,
      "runs": text,
      "only": text,
      "piece-kib": text,
      "install": flag,
      "profile": text,
      "keep": flag,
      "help": flag,
    },
  });
  const hosts = numberOf("--hosts", values.hosts, defaults.hosts, { least: 1, whole: true });
  const slow = pairOf("--slow", values.slow);
  if (slow.count >= hosts) throw new Error(`--slow leaves no fast host: ${slow.count} of ${hosts} are slow`);
  const sites = pairOf("--sites", values.sites);
  if (sites.count > sitesMax) throw new Error(`--sites takes at most ${sitesMax}, but got ${sites.count}`);
  const layout: Layout = {
    hosts,
    fileBytes: Math.round(numberOf("--mb", values.mb, defaults.mb) * 1e6),
    hostMbit: numberOf("--host-mbit", values["host-mbit"], defaults.hostMbit),
    originMbit: numberOf("--origin-mbit", values["origin-mbit"], defaults.originMbit),
    managerMbit: numberOf("--manager-mbit", values["manager-mbit"], defaults.managerMbit),
    slowHosts: slow.count,
    slowMbit: slow.mbit,
    sites: Math.max(1, sites.count),
    siteMbit: sites.mbit,
    staggerMs: numberOf("--stagger", values.stagger, 0, { least: 0 }) * 1000,
  };
  return {
    layout,
    runs: numberOf("--runs", values.runs, defaults.runs, { least: 1, whole: true }),
    only: values.only?.split(","),
    torrentPieceBytes: numberOf("--piece-kib", values["piece-kib"], defaults.pieceKib, { least: 16 }) * 1024,
    install: values.install,
    keep: values.keep,
    profile:
      values.profile === undefined ? undefined : numberOf("--profile", values.profile, 0, { least: 0, whole: true }),
    help: values.help,
  };
}

interface NumberRule {
  readonly least: number;
  readonly whole?: boolean;
}

function numberOf(
  name: string,
  text: string | undefined,
  otherwise: number,
  rule: NumberRule = { least: 0.01 },
): number {
  if (text === undefined) return otherwise;
  const value = Number(text);
  if (text.trim() === "" || !Number.isFinite(value) || value < rule.least) {
    throw new Error(`${name} wants a number from ${rule.least}, but got "${text}"`);
  }
  if (rule.whole === true && !Number.isInteger(value)) throw new Error(`${name} wants a whole number, not ${text}`);
  return value;
}

/** `K:MBIT`; nothing of it where nothing is said. */
function pairOf(name: string, text: string | undefined): { readonly count: number; readonly mbit: number } {
  if (text === undefined) return { count: 0, mbit: 0 };
  const [count, mbit, ...more] = text.split(":");
  if (mbit === undefined || more.length > 0) throw new Error(`${name} wants K:MBIT such as 3:5, but got "${text}"`);
  return { count: numberOf(name, count, 0, { least: 0, whole: true }), mbit: numberOf(name, mbit, 0) };
}
