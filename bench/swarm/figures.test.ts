/** The arithmetic behind the benchmark's figures: bounds worked out by hand, and runs in which a host is missing. */

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { boundSeconds, figuresOf, lineSeconds, medianRatio, type Counters, type Layout } from "./figures.ts";
import { parseOptions } from "./options.ts";

const layout = (changes: Partial<Layout> = {}): Layout => ({ ...parseOptions([]).layout, ...changes });
const about = (value: number | null, expected: number): void =>
  assert.ok(value !== null && Math.abs(value - expected) < 0.005, `${value} is not about ${expected}`);
const counters = (originSentBytes: number, cpuSeconds: number): Counters => ({
  machineCpuSeconds: cpuSeconds,
  processCpuSeconds: undefined,
  originSentBytes,
  managerSentBytes: 0,
  siteReceivedBytes: [0, originSentBytes],
});

describe("the bound", () => {
  test("is the host's own line in the benchmark's usual layout: 100 MB at 0.95 x 25 Mbit/s", () => {
    about(boundSeconds(layout()), 33.68);
  });

  test("is the slowest host's line when one is slow, though the fast are judged by their own", () => {
    const slow = parseOptions(["--slow", "3:5"]).layout;
    about(boundSeconds(slow), 168.42);
    about(lineSeconds(slow, slow.hostMbit), 33.68);
  });

  test("is the sites' line when that is narrower than any host's", () => {
    about(boundSeconds(parseOptions(["--sites", "3:20"]).layout), 42.11);
  });

  test("is the origin's line when that is the narrowest", () => {
    about(boundSeconds(layout({ originMbit: 10 })), 84.21);
  });
});

describe("a run's figures", () => {
  const three = layout({ hosts: 3, slowHosts: 1, slowMbit: 5 });
  const times = [
    { startMs: 0, endMs: 170_000 },
    { startMs: 500, endMs: 36_500 },
    { startMs: 1000, endMs: 38_000 },
  ];

  test("tell the fast hosts' own time apart from the slow one's", () => {
    const figures = figuresOf(three, times, 3, counters(1000, 4), counters(101_001_000, 7));
    assert.equal(figures.makespanSeconds, 170);
    assert.equal(figures.ownSecondsMax, 170);
    assert.equal(figures.fastSecondsMax, 37);
    about(figures.fastRatioMax, 37 / 33.684);
    about(figures.ownRatioMax, 37 / 33.684);
    assert.equal(figures.originCopies, 1.01);
    assert.equal(figures.siteCopiesMax, null);
    const two = figuresOf({ ...three, sites: 2 }, times, 3, counters(1000, 4), counters(101_001_000, 7));
    assert.equal(two.siteCopiesMax, 1.01, "of the site that got most");
    about(figures.cpuSecondsPerGb, 10);
    assert.equal(figures.processCpuSecondsPerGb, null);
  });

  test("have no times when a host is missing or holds wrong bytes", () => {
    const missing = figuresOf(
      three,
      [...times.slice(0, 2), { startMs: 0, endMs: undefined }],
      2,
      counters(0, 0),
      counters(0, 1),
    );
    assert.deepEqual([missing.finished, missing.makespanSeconds, missing.cpuSecondsPerGb], [2, null, null]);
    const wrong = figuresOf(three, times, 2, counters(0, 0), counters(0, 1));
    assert.deepEqual([wrong.finished, wrong.intact, wrong.fastSecondsMax], [3, 2, null]);
  });
});

test("ratios are of the same round, and rounds without a figure are left out", () => {
  assert.equal(medianRatio([10, 20, null], [20, 10, 1]), 1.25);
  assert.equal(medianRatio([null], [1]), null);
});

test("a wrong flag is named", () => {
  assert.throws(() => parseOptions(["--hosts", "2.5"]), /--hosts wants a whole number/);
  assert.throws(() => parseOptions(["--slow", "20:5"]), /--slow leaves no fast host/);
  assert.throws(() => parseOptions(["--slow", "3"]), /--slow wants K:MBIT/);
  assert.throws(() => parseOptions(["--mb", ""]), /--mb wants a number/);
});
