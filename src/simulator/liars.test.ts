/**
 * Fifty hosts of which ten send wrong bytes and five accuse whom they like: everybody honest finishes
 * intact, nobody honest is shut out, and a liar harms each host once at most.
 */

import assert from "node:assert/strict";
import { test } from "node:test";
import { Checks } from "./checks.ts";
import { Cluster, type HostPlan } from "./cluster.ts";

const hosts = 50;
const liars = 10;
const accusers = 5;
const pieces = 200;
const pieceBytes = 256 * 1024;
const mbit = 125_000;

function play(seed: number, lies: number): Cluster {
  const plan = (number: number): HostPlan => ({
    upBytesPerSecond: 100 * mbit,
    downBytesPerSecond: 100 * mbit,
    lies: number < liars ? lies : 0,
    accusesFalsely: number >= liars && number < liars + accusers,
  });
  const checks = new Checks();
  const cluster = new Cluster({
    seed,
    pieceBytes,
    lengthBytes: pieces * pieceBytes,
    originBytesPerSecond: 1000 * mbit,
    seedsBytesPerSecond: [200 * mbit],
    hosts: Array.from({ length: hosts }, (_, number) => plan(number)),
    latencyMs: 0.5,
    jitterMs: 0.1,
    watcher: checks,
  });
  checks.clock = cluster.agenda;
  cluster.run(120_000);
  return cluster;
}

for (const lies of [1, 0.3]) {
  test(`ten hosts of fifty lie in ${lies * 100} % of their pieces, five accuse falsely`, () => {
    const seeds = [0, 1, Math.floor(Math.random() * 2 ** 31)];
    for (const seed of seeds) {
      const { hosts: all, manager } = play(seed, lies);
      for (const [number, host] of all.entries()) {
        const what = `seed ${seed}, ${host.id}`;
        const out = manager.suspicion.isShutOut(host.id);
        if (number >= liars) assert.ok(host.finishedMs !== undefined && !out, `${what} finished and is not shut out`);
        else assert.ok(host.wrongPieces < hosts - liars, `${what} harmed nobody twice: ${host.wrongPieces}`);
        if (number < liars && lies === 1) {
          assert.ok(out || host.wrongPieces === 0, `${what} is shut out`);
          assert.ok(host.wrongPieces <= 30, `${what} sent ${host.wrongPieces} bad pieces`);
        }
      }
    }
  });
}
