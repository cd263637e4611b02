/** HTTP-date against the examples of RFC 9110, 5.6.7 and against the platform's own calendar. */

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { parseHttpDate } from "./http-date.ts";

const nowMs = Date.UTC(2026, 10, 21);

describe("HTTP-date (RFC 9110, 5.6.7)", () => {
  test("the three forms name one moment", () => {
    for (const text of [
      "Sun, 06 Nov 1994 08:49:37 GMT",
      "Sunday, 06-Nov-94 08:49:37 GMT",
      "Sun Nov  6 08:49:37 1994",
      "sun, 06 nov 1994 08:49:37 gmt",
      "  Sun, 06 Nov 1994 08:49:37 GMT ",
    ]) {
      assert.equal(parseHttpDate(text, nowMs), 784_111_777_000, text);
    }
  });

  test("what is no date, or no date in GMT, is none", () => {
    for (const text of [
      "",
      "0",
      "-1",
      "Sun, 06 Nov 1994 08:49:37 CET",
      "Sun, 06 Nov 1994 08:49:37",
      "Sun, 31 Nov 1994 08:49:37 GMT",
      "Wed, 29 Feb 2023 08:49:37 GMT",
      "Sun, 06 Nov 1994 24:00:00 GMT",
      "Sun, 00 Nov 1994 08:49:37 GMT",
      "Sun, 06 Foo 1994 08:49:37 GMT",
      "1994-11-06T08:49:37Z",
      "Sun, 06 Nov 1994 08:49:37 GMT, Sun, 06 Nov 1994 08:49:37 GMT",
    ]) {
      assert.equal(parseHttpDate(text, nowMs), undefined, text);
    }
  });

  test("a year of two digits lies at most 50 years ahead", () => {
    assert.equal(parseHttpDate("Tuesday, 01-Jan-76 00:00:00 GMT", nowMs), Date.UTC(2076, 0, 1));
    assert.equal(parseHttpDate("Tuesday, 01-Jan-77 00:00:00 GMT", nowMs), Date.UTC(1977, 0, 1));
  });

  test("property: every second of eight centuries is read as the platform wrote it", () => {
    fc.assert(
      fc.property(fc.integer({ min: Date.UTC(1600, 0) / 1000, max: Date.UTC(2400, 0) / 1000 }), (second) => {
        assert.equal(parseHttpDate(new Date(second * 1000).toUTCString(), nowMs), second * 1000);
      }),
    );
  });
});
