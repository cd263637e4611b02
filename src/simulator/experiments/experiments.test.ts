/** The named experiments at small sizes: what they print, when they fail, and that a seed replays them. */

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { ClusterPlan } from "../cluster.ts";
import { atLeast, atMost, holds } from "./bars.ts";
import type { Asked, Experiment, Scene } from "./experiment.ts";
import { quantile } from "./figures.ts";
import { experiments, playInvariants, runExperiment, type Ran } from "./mod.ts";
import { nativeSeconds } from "./native.ts";
import { equalHosts, lengthText, mbit, rateText } from "./plan.ts";

/** Every figure of the machine is the same, so that what is told is the same. */
const meter = { start: () => () => ({ wallSeconds: 1, cpuSeconds: 1, memoryBytes: 1e6 }) };

function run(experiment: Experiment, asked: Asked): Ran & { readonly told: string } {
  const lines: string[] = [];
  const ran = runExperiment(experiment, asked, { meter, tell: (line) => void lines.push(line) });
  return { ...ran, told: lines.join("\n") };
}

const named = (name: string): Experiment => experiments.find((one) => one.name === name)!;

const scene: Scene = {
  label: "12 hosts",
  plan: {
    lengthBytes: 2e6,
    originBytesPerSecond: 100 * mbit,
    seedsBytesPerSecond: [100 * mbit],
    hosts: equalHosts(12, 100 * mbit),
    latencyMs: 0.5,
    jitterMs: 0.2,
  },
};
const small: Experiment = {
  name: "small",
  summary: "2 MB to 12 hosts",
  seeds: [7],
  assumptions: [],
  columns: [],
  scenes: () => [scene],
  bars: (outcomes) => [
    atMost(
      "time, s",
      0.01,
      outcomes.map(({ figures }) => figures.makespanSeconds),
    ),
  ],
  pictures: () => [],
};

for (const experiment of experiments) {
  test(`${experiment.name} runs at a small size, tells its assumptions and has pictures`, () => {
    const { outcomes, isGood, told } = run(experiment, { hosts: 12, lengthBytes: 4e6 });
    assert.ok(isGood, told);
    assert.match(told, /A simulation: .*\nNot modelled: .*\nAssumed: the manager fetches at .* hosts at .* latency /);
    for (const { figures, scene } of outcomes) {
      assert.equal(scene.plan.hosts.length, 12);
      assert.ok(figures.makespanSeconds >= figures.fluidBoundSeconds, "nothing beats the fluid bound");
    }
    for (const picture of experiment.pictures(outcomes)) {
      assert.ok(picture.notes.length > 0 && picture.x.title !== "" && picture.y.title !== "");
      const points = picture.series.flatMap((series) => series.points);
      assert.ok(
        points.every((point) => point.every(Number.isFinite)),
        `${picture.name} has only numbers`,
      );
    }
  });
}

test("the same seed gives the same lines, another seed others", () => {
  const lines = (seed: number): string => run(named("growth"), { hosts: 20, lengthBytes: 4e6, seeds: [seed] }).told;
  assert.equal(lines(3), lines(3));
  assert.notEqual(lines(3).replaceAll("#3", ""), lines(4).replaceAll("#4", ""));
});

test("a bar that does not hold fails the run, and the seed and the command that replay it are told", () => {
  const { isGood, told } = run(small, {});
  assert.equal(isGood, false);
  assert.match(told, /BROKEN {2}time, s: 0\.\d+, at most 0\.01\n/);
  assert.match(told, /FAILED: a bar does not hold\nreplay seed 7: darner sim small --seed 7\n/);
});

test("at another size than declared a bar is shown and does not count", () => {
  const { isGood, told } = run(small, { hosts: 12, lengthBytes: 2e6 });
  assert.equal(isGood, true);
  assert.match(told, /\(here: --hosts 12 --mb 2\)/);
  assert.match(told, /nothing counts:\n {2}BROKEN/);
});

test("hosts that never finish fail the run at any size", () => {
  const stuck = { ...scene, plan: { ...scene.plan, seedsBytesPerSecond: [1], originBytesPerSecond: 1 } };
  const { isGood, told } = run({ ...small, scenes: () => [stuck] }, { seeds: [5], hosts: 12 });
  assert.equal(isGood, false);
  assert.match(told, /FAILED: 12 hosts, seed 5: 12 honest hosts did not finish\n/);
  assert.match(told, /replay seed 5: darner sim small --seed 5 --hosts 12\n/);
});

test("a rough day is drawn from its seed: who is slow, lies, dies while it downloads, and comes when", () => {
  const [scene] = named("rough-day").scenes({});
  const day = (seed: number): Partial<ClusterPlan> => scene!.vary!(seed);
  const { hosts = [], faults = [] } = day(2);
  const rates = hosts.map((host) => host.downBytesPerSecond);
  assert.equal(rates.filter((rate) => rate === 10 * mbit).length, 200);
  assert.equal(rates.filter((rate) => rate === 100 * mbit).length, 1800);
  assert.equal(hosts.filter((host) => Boolean(host.lies)).length, 20);
  const dying = faults.flatMap((fault) => (fault.kind === "crash" ? [fault] : []));
  assert.equal(new Set(dying.map((fault) => fault.host)).size, 40);
  for (const { host, atMs } of dying) {
    const { startMs = 0, downBytesPerSecond, lies = false } = hosts[host]!;
    assert.ok(lies === false && atMs >= startMs && atMs <= startMs + (1000 * 200e6) / downBytesPerSecond);
  }
  assert.ok(hosts.every(({ startMs = 0 }) => startMs < 60_000));
  assert.deepEqual(day(2), day(2));
  assert.notDeepEqual(day(2), day(3));
});

test("invariants are told as they are played", () => {
  const lines: string[] = [];
  const played = playInvariants([1, 2], { hosts: 10, trace: false }, (line) => void lines.push(line));
  assert.deepEqual(played, { seeds: 2, broken: [] });
  assert.match(lines.at(-1)!, /^2 seeds played, 0 broken; \d+ faults, /);
});

describe("figures", () => {
  test("a bar takes the worst figure, holds at its limit, and says nothing of what was not run", () => {
    assert.equal(holds(atMost("", 2, [1, 2])), true);
    assert.equal(holds(atMost("", 2, [1, 2.001])), false);
    assert.equal(holds(atMost("", 2, [1, Infinity])), false);
    assert.equal(holds(atLeast("", 99.5, [100 * (1 - 1 / 200)])), true);
    assert.equal(holds(atLeast("", 90, [95, 89])), false);
    assert.equal(holds(atMost("", 2, [])), undefined);
  });

  test("a quantile is the smallest that so many do not exceed", () => {
    const numbers = Array.from({ length: 1000 }, (_, number) => number + 1);
    assert.deepEqual(
      [0.5, 0.99, 0.999, 1].map((share) => quantile(numbers, share)),
      [500, 990, 999, 1000],
    );
    assert.equal(quantile([4], 0.5), 4);
    assert.equal(quantile([], 0.5), Infinity);
  });

  test("direct downloads share the source, are no faster than their line, and end when it gives up", () => {
    const source = { bytesPerSecond: 100, clientsMax: 50 };
    assert.equal(nativeSeconds(1000, 5, 10, source), 100);
    assert.equal(nativeSeconds(1000, 20, 10, source), 200);
    assert.equal(nativeSeconds(1000, 51, 10, source), Infinity);
  });

  test("rates and lengths read as people say them", () => {
    assert.deepEqual([100 * mbit, 2000 * mbit, 300e6].map(rateText), ["100 Mbit/s", "2 Gbit/s", "2.4 Gbit/s"]);
    assert.deepEqual([200e6, 5e9, 1.5e9, 50e6, 20e6].map(lengthText), ["200 MB", "5 GB", "1.5 GB", "50 MB", "20 MB"]);
  });
});
