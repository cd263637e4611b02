/** The progress line fits its terminal, and the rate follows the last seconds. */

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { progressLine } from "./progress-line.ts";
import { RateMeter } from "./rate-meter.ts";

const half = {
  name: "file.iso",
  bytes: { origin: 40e6, peers: 10e6, local: 0 },
  lengthBytes: 100e6,
  bytesPerSecond: 12.5e6,
  remainingMs: 4000,
};

test("says name, percent, bar, bytes, rate, time and sources where there is room", () => {
  assert.equal(
    progressLine({ ...half, columns: 120 }),
    "file.iso   50%  [==============>               ]  50.0 MB  12.5 MB/s  4.0 s left  origin 40.0 MB, peers 10.0 MB",
  );
  assert.equal(progressLine({ ...half, columns: 40 }), "file.iso   50%  50.0 MB  12.5 MB/s");
  assert.equal(
    progressLine({ ...half, lengthBytes: undefined, columns: 80 }),
    "file.iso  50.0 MB  12.5 MB/s  origin 40.0 MB, peers 10.0 MB",
  );
});

test("is never wider than the terminal", () => {
  fc.assert(
    fc.property(
      fc.record({
        name: fc.string({ unit: "binary-ascii", maxLength: 60 }),
        bytes: fc.record({ origin: fc.nat(), peers: fc.nat(), local: fc.nat() }),
        lengthBytes: fc.option(fc.nat(), { nil: undefined }),
        bytesPerSecond: fc.nat(),
        remainingMs: fc.option(fc.nat(), { nil: undefined }),
        columns: fc.integer({ min: 11, max: 250 }),
      }),
      (facts) => {
        const line = progressLine(facts);
        assert.ok(line.length < facts.columns, line);
        assert.doesNotMatch(line, /\p{Cc}/u);
      },
    ),
  );
});

test("the rate is that of the last seconds", () => {
  const meter = new RateMeter();
  for (let second = 0; second <= 20; second++) meter.note(second < 10 ? 0 : (second - 10) * 1e6, second * 1000);
  assert.ok(Math.abs(meter.bytesPerSecond - 1e6) < 1e3, `${meter.bytesPerSecond}`);
  assert.equal(Math.round(meter.remainingMs(5e6)! / 100), 50);
  // A new version of the object: it begins again.
  meter.note(0, 21_000);
  assert.equal(meter.remainingMs(1), undefined);
});
