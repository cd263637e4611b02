/** Runs of pieces for connections to the origin: every missing piece has one worker at a time; none is forgotten. */

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { Bitfield } from "#base/mod.ts";
import { Segments, type Segment } from "./segments.ts";

function bitfield(length: number, held: readonly number[]): Bitfield {
  const field = new Bitfield(length);
  for (const index of held) if (index < length) field.set(index);
  return field;
}

describe("segments", () => {
  const anyStep = fc.record({ verb: fc.constantFrom("claim", "advance", "advance", "release"), which: fc.nat(10) });

  test("property: whatever workers do, each missing piece is fetched once, unless its worker failed", () => {
    fc.assert(
      fc.property(
        fc.nat(60),
        fc.array(fc.nat(59)),
        fc.integer({ min: 1, max: 8 }),
        fc.array(anyStep),
        (length, held, min, steps) => {
          const have = bitfield(length, held);
          const segments = new Segments(have, min);
          const missing = new Set(Array.from({ length }, (_, index) => index).filter((index) => !have.has(index)));
          const working: Segment[] = [];
          const advance = (segment: Segment): void => {
            assert.ok(missing.delete(segment.next), `${segment.next} is fetched once`);
            if (!segments.advance(segment)) working.splice(working.indexOf(segment), 1);
          };
          for (const { verb, which } of steps) {
            const segment = working[which % Math.max(1, working.length)];
            if (verb === "claim") {
              const { claimable } = segments;
              const claimed = segments.claim();
              assert.equal(claimed !== undefined, claimable);
              if (claimed !== undefined) working.push(claimed);
            } else if (segment !== undefined && verb === "advance") {
              advance(segment);
            } else if (segment !== undefined) {
              segments.release(segment);
              segments.release(segment);
              working.splice(working.indexOf(segment), 1);
            }
            const owned = working.flatMap(({ next, end }) =>
              Array.from({ length: end - next }, (_, step) => next + step),
            );
            assert.equal(new Set(owned).size, owned.length, "no piece has two workers");
            assert.equal(segments.finished, missing.size === 0);
          }
          // Somebody does the rest.
          while (!segments.finished) {
            const segment = working[0] ?? segments.claim()!;
            if (working.length === 0) working.push(segment);
            advance(segment);
          }
          assert.equal(missing.size, 0);
        },
      ),
    );
  });

  test("who comes free takes the back half of the longest run, if that is long enough", () => {
    const segments = new Segments(bitfield(20, [12]), 3);
    const first = segments.claim()!;
    const second = segments.claim()!;
    assert.deepEqual(
      [first, second],
      [
        { next: 0, end: 12 },
        { next: 13, end: 20 },
      ],
    );
    assert.deepEqual(segments.claim(), { next: 6, end: 12 });
    assert.equal(first.end, 6);
    assert.deepEqual(segments.claim(), { next: 17, end: 20 });
    assert.deepEqual(segments.claim(), { next: 3, end: 6 });
  });

  test("a run without an end is never split; the end, once known, ends it", () => {
    const segments = Segments.unbounded(new Bitfield(0));
    const run = segments.claim()!;
    assert.equal(segments.claimable, false);
    assert.equal(segments.claim(), undefined);
    for (let index = 0; index < 5; index++) assert.equal(segments.advance(run), true);
    segments.release(run);
    const again = segments.claim()!;
    assert.equal(again.next, 5);
    segments.settle(7);
    assert.equal(segments.finished, false);
    assert.deepEqual([segments.advance(again), segments.advance(again)], [true, false]);
    assert.equal(segments.finished, true);
  });

  test("nothing missing, nothing to do", () => {
    assert.ok(new Segments(bitfield(3, [0, 1, 2]), 1).finished);
    assert.ok(new Segments(new Bitfield(0), 1).finished);
  });

  test("what somebody waits for is claimed next, unless a worker is about to come there", () => {
    const segments = new Segments(new Bitfield(100), 10);
    assert.ok(segments.seek(60, 8));
    const there = segments.claim();
    assert.deepEqual(there, { next: 60, end: 100 });
    assert.equal(segments.seek(65, 8), false, "the worker is near");
    assert.ok(segments.seek(80, 8));
    assert.deepEqual(
      [there?.end, segments.claim(), segments.claim()],
      [80, { next: 80, end: 100 }, { next: 0, end: 60 }],
    );
    assert.equal(segments.seek(200, 8), false, "there is no such piece");
  });
});
