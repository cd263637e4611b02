/** The words without a domain: bits, bytes, units and errors, each against a dumb twin where there is one. */

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { AssertionError } from "./assert.ts";
import { Bitfield } from "./bitfield.ts";
import { bytesEqual, bytesJoin, bytesWithLengths } from "./bytes.ts";
import { asDarnerError, DarnerError, errorFromWire, errorTable, errorToWire } from "./errors.ts";
import { following } from "./following.ts";
import { removeAt } from "./lists.ts";
import { Rows } from "./rows.ts";
import { formatBytes, formatDuration, formatRate, parseBytes, parseDurationMs, parseRate } from "./units.ts";

describe("a bitfield", () => {
  const anyStep = fc.record({ verb: fc.constantFrom("set", "clear", "grow", "copy"), at: fc.nat(70) });

  test("property: it behaves as a set of numbers", () => {
    fc.assert(
      fc.property(fc.nat(70), fc.array(anyStep, { maxLength: 100 }), (length, steps) => {
        let field = new Bitfield(length);
        const twin = new Set<number>();
        for (const { verb, at } of steps) {
          if (verb === "grow") field.grow((length = Math.max(length, at)));
          else if (verb === "copy") field = at % 2 === 0 ? field.clone() : Bitfield.fromBytes(field.toBytes(), length);
          else if (verb === "clear") assert.equal(field.clear(at), twin.delete(at));
          else if (at < length) {
            assert.equal(field.set(at), !twin.has(at));
            twin.add(at);
          }
          assert.deepEqual(
            [...field.indices()],
            [...twin].sort((a, b) => a - b),
          );
          assert.deepEqual([field.count, field.length, field.full], [twin.size, length, twin.size === length]);
          for (let from = 0; from <= length; from++) {
            let clear = from;
            while (clear < length && twin.has(clear)) clear++;
            assert.equal(field.firstClear(from), clear);
          }
        }
      }),
    );
  });

  test("property: any bytes of any length are read, and nothing beyond the length is believed", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 12 }), fc.nat(100), (bytes, length) => {
        const field = Bitfield.fromBytes(bytes, length);
        for (let index = 0; index < 120; index++) {
          const bit = ((bytes[index >> 3] ?? 0) >> (7 - (index & 7))) & 1;
          assert.equal(field.has(index), index < length && bit === 1);
        }
        assert.equal(field.count, [...field.indices()].length);
      }),
    );
  });

  test("a copy is a copy, and what lies outside is a bug of ours", () => {
    const field = new Bitfield(9);
    field.clone().set(8);
    assert.equal(field.has(8), false);
    assert.equal(Buffer.from(field.set(0) && field.set(8) ? field.toBytes() : []).toString("hex"), "8080");
    for (const index of [-1, 9, NaN]) assert.throws(() => field.set(index), AssertionError);
    assert.equal(field.has(-1) || field.has(100), false);
  });
});

describe("bytes", () => {
  test("property: no two lists of parts look alike", () => {
    const anyParts = fc.array(fc.string({ maxLength: 5 }), { maxLength: 4 });
    fc.assert(
      fc.property(anyParts, anyParts, (a, b) => {
        const same = JSON.stringify(a) === JSON.stringify(b);
        assert.equal(bytesEqual(bytesWithLengths(a), bytesWithLengths(b)), same);
      }),
    );
    assert.deepEqual(bytesWithLengths(["é", Uint8Array.of(1)]), Uint8Array.of(0, 0, 0, 2, 0xc3, 0xa9, 0, 0, 0, 1, 1));
  });

  test("property: joined parts are the parts in a row", () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array()), (parts) => {
        assert.deepEqual(
          [...bytesJoin(parts)],
          parts.flatMap((part) => [...part]),
        );
      }),
    );
    assert.equal(bytesEqual(Uint8Array.of(1, 2), Uint8Array.of(1, 3)), false);
    assert.equal(bytesEqual(Uint8Array.of(1), Uint8Array.of(1, 2)), false);
  });
});

describe("units", () => {
  const nonsense = [
    "",
    "x",
    "-1",
    "1e3",
    "10 apples",
    "1.",
    ".5",
    "5constructor",
    "5valueof",
    "5__proto__",
    "0x10",
    "9".repeat(400),
  ];

  test("sizes", () => {
    const sizes = {
      "10": 10,
      "10MB": 1e7,
      "10MiB": 10 * 2 ** 20,
      "10M": 10 * 2 ** 20,
      "1.5k": 1536,
      " 2 GiB ": 2 ** 31,
      "0": 0,
    };
    for (const [text, bytes] of Object.entries(sizes)) assert.equal(parseBytes(text), bytes, text);
    for (const text of nonsense) assert.equal(parseBytes(text), undefined, text);
  });

  test("rates: bits where it says so, nothing means no limit", () => {
    const rates = {
      "10MB": 1e7,
      "80Mbit": 1e7,
      "80Mbit/s": 1e7,
      "1k/s": 1024,
      "0": Infinity,
      "off": Infinity,
      "Unlimited": Infinity,
    };
    for (const [text, rate] of Object.entries(rates)) assert.equal(parseRate(text), rate, text);
    for (const text of [...nonsense, "0.1"]) assert.equal(parseRate(text), undefined, text);
  });

  test("times", () => {
    const times = { "250ms": 250, "10": 10_000, "1.5s": 1500, "5m": 300_000, "2h": 7_200_000, "1d": 86_400_000 };
    for (const [text, ms] of Object.entries(times)) assert.equal(parseDurationMs(text), ms, text);
    for (const text of nonsense) assert.equal(parseDurationMs(text), undefined, text);
  });

  test("shown with three digits at most", () => {
    const shown = [
      formatBytes(0),
      formatBytes(999),
      formatBytes(999.6),
      formatBytes(1234),
      formatBytes(99_950),
      formatBytes(2.5e18),
    ];
    assert.deepEqual(shown, ["0 B", "999 B", "1.00 kB", "1.23 kB", "100 kB", "2500 PB"]);
    assert.deepEqual([formatRate(Infinity), formatRate(12.5e6)], ["unlimited", "12.5 MB/s"]);
    const times = [0, 850, 999.7, 12_345, 59_970, 245_000, 3_599_900, 7_800_000].map(formatDuration);
    assert.deepEqual(times, [
      "0 ms",
      "850 ms",
      "1.0 s",
      "12.3 s",
      "1 min 00 s",
      "4 min 05 s",
      "1 h 00 min",
      "2 h 10 min",
    ]);
  });
});

describe("errors", () => {
  test("every code has an exit status of its own below 126, and a sentence", () => {
    const entries = Object.entries(errorTable);
    assert.equal(new Set(entries.map(([, { exit }]) => exit)).size, entries.length);
    for (const [code, { exit, doc }] of entries) {
      assert.ok(exit > 0 && exit < 126, code);
      assert.match(doc, /^[A-Z].*\.$/, code);
    }
  });

  test("what crosses a process boundary keeps code, message and retry; what is unknown becomes internal", () => {
    const error = new DarnerError("origin.rate-limited", "cannot get it: 429", { retry: { afterMs: 5 } });
    const copy = errorFromWire(JSON.parse(JSON.stringify(errorToWire(error))));
    assert.deepEqual(
      [copy.code, copy.message, copy.retry, copy.exitStatus],
      [error.code, error.message, { afterMs: 5 }, 82],
    );
    for (const code of ["new.code", "toString", "__proto__"])
      assert.equal(errorFromWire({ code: code as "internal", message: "m", retry: "never" }).code, "internal");
    assert.equal(asDarnerError(error), error);
    assert.equal(asDarnerError("text").message, "unexpected failure: text");
  });
});

test("what is taken out of a list at its place is gone, and the others keep their order", () => {
  const list = [5, 6, 7, 8];
  removeAt(list, 1);
  removeAt(list, 2);
  assert.deepEqual(list, [5, 7]);
});

describe("a signal that follows another", () => {
  test("ends with it and its reason, or alone; released, it stays as it is", () => {
    const [first, reason] = [new AbortController(), new Error("over")];
    const [led, free, alone] = [following(first.signal), following(first.signal), following(first.signal)];
    free.release();
    alone.abort("by itself");
    assert.ok(!first.signal.aborted && !led.signal.aborted, "what ends one ends no other");
    first.abort(reason);
    assert.equal(led.signal.reason, reason);
    assert.equal(alone.signal.reason, "by itself");
    assert.equal(free.signal.aborted, false);
    assert.equal(following(first.signal).signal.reason, reason, "who comes too late is over at once");
  });
});

test("rows keep their numbers when there are more of them, and one that is taken again is empty", () => {
  const rows = new Rows(3);
  const taken = Array.from({ length: 100 }, () => rows.take());
  for (const [number, row] of taken.entries()) rows.numbers.fill(number, row, row + 3);
  for (const [number, row] of taken.entries()) {
    assert.deepEqual([...rows.numbers.subarray(row, row + 3)], [number, number, number]);
  }
  rows.free(taken[7]!);
  assert.equal(rows.take(), taken[7]);
  assert.deepEqual([...rows.numbers.subarray(taken[6], taken[6]! + 9)], [6, 6, 6, 0, 0, 0, 8, 8, 8]);
});
