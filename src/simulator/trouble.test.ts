/** Each fault alone, in a cluster small enough to say what it must do. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { Checks } from "./checks.ts";
import { Cluster } from "./cluster.ts";
import type { Fault } from "./faults.ts";

const pieces = 40;
const pieceBytes = 1e5;

/** Eight hosts that take 4 s for all of it at their best. `lines` is the trace. */
function play(faults: readonly Fault[], lies = 0): { cluster: Cluster; lines: string[] } {
  const lines: string[] = [];
  const watcher = new Checks((line) => void lines.push(line));
  const host = { upBytesPerSecond: 1e6, downBytesPerSecond: 1e6 };
  const cluster = new Cluster({
    seed: 3,
    lengthBytes: pieces * pieceBytes,
    pieceBytes,
    originBytesPerSecond: 2e6,
    seedsBytesPerSecond: [2e6],
    hosts: Array.from({ length: 8 }, (_, number) => ({ ...host, lies: number === 1 ? lies : 0 })),
    latencyMs: 1,
    jitterMs: 1,
    watcher,
    faults,
  });
  watcher.clock = cluster.agenda;
  cluster.run(120_000);
  const late = cluster.hosts.filter((each) => each.lies === 0 && !each.lost && each.finishedMs === undefined);
  assert.deepEqual(late, [], "every live honest host finishes");
  assert.equal(cluster.manager.originPieces, pieces);
  return { cluster, lines };
}

const told = (lines: readonly string[], pattern: RegExp): number => lines.filter((line) => pattern.test(line)).length;

test("a host that is killed starts again with what it had stored", () => {
  const { cluster, lines } = play([{ kind: "crash", host: 0, atMs: 2_000, forMs: 3_000 }]);
  const host = cluster.hosts[0]!;
  assert.ok(host.finishedMs! > 5_000);
  assert.ok(told(lines, /ms h0 stored/) >= pieces);
  assert.ok(host.receivedPieces < 1.3 * pieces, `${host.receivedPieces} pieces came`);
});

test("hosts that are lost for good are not waited for, and the manager takes them out", () => {
  const { cluster } = play([
    { kind: "crash", host: 0, atMs: 1_000 },
    { kind: "power-cut", host: 2, atMs: 1_000 },
  ]);
  assert.equal(cluster.finished, 6);
  assert.equal(cluster.manager.swarm.has("h0"), false);
});

test("a host that stands still keeps its connections and works all off when it goes on", () => {
  const { cluster, lines } = play([{ kind: "pause", host: 0, atMs: 1_500, forMs: 2_500 }]);
  assert.ok(cluster.hosts[0]!.finishedMs! > 4_000);
  const meanwhile = lines.filter((line) => / h0 (?!fault)/.test(line) && !/ h\d+ .* h0/.test(line));
  const times = meanwhile.map((line) => Number.parseFloat(line)).filter((ms) => ms > 1_501 && ms < 3_999);
  assert.deepEqual(times, [], "nothing happens to it while it stands still");
  assert.equal(told(lines, / closed h0$/), 0);
  assert.equal(told(lines, /h0 lost its control connection/), 0);
});

test("a manager that starts again asks the origin for nothing twice and gets its swarm from its hosts", () => {
  const { cluster, lines } = play([{ kind: "manager-restart", atMs: 1_000, forMs: 1_000 }]);
  assert.ok(told(lines, /lost its control connection/) >= 8);
  assert.equal(cluster.manager.swarm.size, 8);
  assert.ok(cluster.manager.originBytesLost <= pieceBytes);
  assert.ok(cluster.hosts.every((host) => host.receivedPieces < 1.3 * pieces));
});

test("an origin that breaks off is asked for the rest only", () => {
  const { cluster } = play([{ kind: "origin-cut", atMs: 1_000, forMs: 500 }]);
  assert.ok(cluster.manager.originBytesLost > 0 && cluster.manager.originBytesLost <= pieceBytes);
});

test("who is parted from the others is given up, dialled in vain, and finishes afterwards", () => {
  const { cluster, lines } = play([
    { kind: "partition", hosts: [0, 3], withManager: false, atMs: 1_000, forMs: 15_000 },
  ]);
  const inside = [cluster.hosts[0]!, cluster.hosts[3]!];
  assert.ok(inside.every((host) => host.finishedMs! > 16_000));
  assert.ok(cluster.hosts.filter((host) => !inside.includes(host)).every((host) => host.finishedMs! < 16_000));
  assert.ok(told(lines, / h[03] hang-up .* sever/) > 0);
  assert.ok(told(lines, / h[03] lost its control connection/) > 0);
});

test("connections break, fall silent and come back", () => {
  const faults = Array.from({ length: 8 }, (_, host): Fault[] => [
    { kind: "broken-connection", host, atMs: 800 + 50 * host },
    { kind: "silent-connection", host, atMs: 1_000 + 50 * host, forMs: host * 2_000 },
    { kind: "broken-control", host, atMs: 1_500 },
    { kind: "silent-control", host, atMs: 2_500, forMs: 12_000 },
    { kind: "jitter", atMs: 1_000, forMs: 1_000, jitterMs: 50 },
  ]);
  const { lines } = play(faults.flat());
  assert.ok(told(lines, / closed h/) > 0);
});

test("slow lines, disks and processors hold up their own host, not the others", () => {
  const { cluster } = play([
    { kind: "slow-lines", host: 0, factor: 0.1, atMs: 500, forMs: 15_000 },
    { kind: "slow-disk", host: 2, pieceMs: 300, atMs: 500, forMs: 20_000 },
    { kind: "slow-processor", host: 4, pieceMs: 300, atMs: 500, forMs: 20_000 },
  ]);
  const slow = [0, 2, 4].map((number) => cluster.hosts[number]!);
  assert.ok(slow.every((host) => host.finishedMs! > 9_000));
  const others = cluster.hosts.filter((host) => !slow.includes(host));
  assert.ok(others.every((host) => host.finishedMs! < 9_000));
});

test("clocks that jump, run away or dawdle hold nobody up for long", () => {
  const { cluster } = play([
    { kind: "skewed-clock", host: 0, aheadMs: 30_000, rate: 2, atMs: 1_000, forMs: 5_000 },
    { kind: "skewed-clock", host: 2, aheadMs: 0, rate: 0.5, atMs: 0, forMs: 9_000 },
    { kind: "skewed-manager-clock", aheadMs: 20_000, rate: 0.5, atMs: 2_000, forMs: 2_000 },
  ]);
  const clocks = [cluster.hosts[0]!, cluster.hosts[1]!, cluster.manager].map(({ clock }) => clock.nowMs);
  assert.ok(clocks[0]! > clocks[1]! + 30_000 && clocks[2]! > clocks[1]! + 15_000, clocks.join(" "));
  for (const { finishedMs } of cluster.hosts) assert.ok(finishedMs! < 7_000, `the last at ${finishedMs} ms`);
});

test("a liar is accused and harms nobody for long", () => {
  const { lines } = play([], 0.3);
  assert.ok(told(lines, /accuse h1/) > 0);
  assert.equal(told(lines, /accuse (?!h1)/), 0);
});
