/** The bound that the bucket promises, against callers who do their worst. */

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { TokenBucket } from "./token-bucket.ts";

interface Passed {
  readonly atMs: number;
  readonly bytes: number;
}

/** The most bytes in any window of a second: the worst window begins with an operation. */
function worstSecond(passed: readonly Passed[]): number {
  let worst = 0;
  let sum = 0;
  let first = 0;
  for (const last of passed) {
    sum += last.bytes;
    while (passed[first]!.atMs <= last.atMs - 1000) sum -= passed[first++]!.bytes;
    worst = Math.max(worst, sum);
  }
  return worst;
}

/** A step of a caller: stay away for a while, then pass a share of a chunk as soon as it may. */
interface Step {
  readonly idleMs: number;
  readonly share: number;
}

function play(bucket: TokenBucket, steps: readonly Step[]): Passed[] {
  const passed: Passed[] = [];
  let nowMs = 0;
  for (const step of steps) {
    nowMs += step.idleMs;
    nowMs += bucket.delayMs(nowMs);
    // Adding up fractions may leave a debt of a millionth of a byte.
    while (bucket.delayMs(nowMs) > 0) nowMs += 0.001;
    const bytes = Math.ceil(step.share * bucket.chunkBytesMax);
    bucket.charge(bytes, nowMs);
    passed.push({ atMs: nowMs, bytes });
  }
  return passed;
}

const greedy = (count: number): Step[] => Array.from({ length: count }, () => ({ idleMs: 0, share: 1 }));

describe("a token bucket", () => {
  const anyRate = fc.oneof(fc.integer({ min: 1000, max: 1_000_000 }), fc.integer({ min: 1_000_000, max: 2 ** 33 }));
  const anyStep = fc.record({
    idleMs: fc.oneof({ weight: 9, arbitrary: fc.constant(0) }, fc.double({ min: 0, max: 1500, noNaN: true })),
    share: fc.oneof({ weight: 3, arbitrary: fc.constant(1) }, fc.double({ min: 0, max: 1, noNaN: true })),
  });

  test("property: no second sees more than 1.05 times the rate", () => {
    const anySteps = fc.array(anyStep, { minLength: 100, maxLength: 300, size: "max" });
    fc.assert(
      fc.property(anyRate, anySteps, (rate, steps) => {
        const worst = worstSecond(play(new TokenBucket(rate, 0), steps));
        assert.ok(worst <= 1.05 * rate, `${worst} bytes in a second at ${rate} bytes/s`);
      }),
    );
  });

  test("whoever always wants more gets the rate, no less", () => {
    for (const rate of [1000, 50_000, 1_000_000, 10_000_000, 1_250_000_000]) {
      const chunk = new TokenBucket(rate, 0).chunkBytesMax;
      const passed = play(new TokenBucket(rate, 0), greedy(Math.ceil((10 * rate) / chunk)));
      const seconds = passed.at(-1)!.atMs / 1000;
      const bytes = passed.reduce((sum, item) => sum + item.bytes, 0);
      assert.ok(bytes / seconds >= 0.995 * rate, `${bytes / seconds} at ${rate}`);
    }
  });

  test("chunks are 20 ms of the rate, a page where a page is small enough, and never above 1 MiB", () => {
    const chunkAt = (rate: number): number => new TokenBucket(rate, 0).chunkBytesMax;
    assert.equal(chunkAt(10_000_000), 200_000);
    assert.equal(chunkAt(150_000), 4096);
    assert.equal(chunkAt(10_000), 350);
    assert.equal(chunkAt(1), 1);
    assert.equal(chunkAt(1e9), 1024 * 1024);
    assert.equal(chunkAt(Infinity), 1024 * 1024);
  });

  test("a charge beyond the credit is paid off in its time", () => {
    const bucket = new TokenBucket(1000, 0);
    bucket.charge(2010, 0);
    assert.ok(Math.abs(bucket.delayMs(0) - 2000) < 10);
    assert.ok(Math.abs(bucket.delayMs(1500) - 500) < 10);
    assert.equal(bucket.delayMs(2010), 0);
  });

  test("no limit means no waiting and no debt to remember", () => {
    const bucket = new TokenBucket(Infinity, 0);
    bucket.charge(1e12, 0);
    assert.equal(bucket.delayMs(0), 0);
    bucket.setRate(1000, 0);
    assert.equal(bucket.delayMs(0), 0);
  });

  test("a new rate holds at once, and an old debt keeps its time", () => {
    const bucket = new TokenBucket(1_000_000, 0);
    bucket.charge(525_000, 0);
    const beforeMs = bucket.delayMs(0);
    assert.ok(beforeMs >= 490);
    bucket.setRate(1000, 0);
    assert.ok(Math.abs(bucket.delayMs(0) - beforeMs) < 1e-6);
    bucket.setRate(Infinity, 0);
    assert.equal(bucket.delayMs(0), 0);
  });

  test("property: after any change of rate the new bound holds from that moment", () => {
    const anySteps = fc.array(anyStep, { minLength: 100, maxLength: 200, size: "max" });
    fc.assert(
      fc.property(anyRate, anyRate, anySteps, (before, after, steps) => {
        const bucket = new TokenBucket(before, -5000);
        bucket.charge(bucket.chunkBytesMax, -5000);
        bucket.setRate(after, 0);
        assert.ok(worstSecond(play(bucket, steps)) <= 1.05 * after);
      }),
    );
  });
});
