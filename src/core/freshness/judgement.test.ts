/** What a shared cache may do with a response, case by case with the section of RFC 9111 that says so. */

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import type { ResponseFacts } from "./facts.ts";
import { judge, refresh, useDecision, type StoredResponse } from "./judgement.ts";

const nowMs = Date.UTC(2026, 10, 21, 12);
const httpDate = (offsetSeconds: number): string => new Date(nowMs + offsetSeconds * 1000).toUTCString();

/** An answer that came at `nowMs`, made in the same second. */
function answer(headers: Record<string, string> = {}, more: Partial<ResponseFacts> = {}): ResponseFacts {
  const url = "http://origin.example/object";
  return {
    status: 200,
    url,
    headers: { date: httpDate(0), ...headers },
    requestedAtMs: nowMs,
    answeredAtMs: nowMs,
    ...more,
  };
}

function stored(headers: Record<string, string> = {}, more: Partial<ResponseFacts> = {}): StoredResponse {
  const facts = answer(headers, more);
  return { facts, judgement: judge(facts, {}) };
}

describe("how long a response is fresh", () => {
  const cases: readonly [because: string, headers: Record<string, string>, freshSeconds: number][] = [
    ["max-age (5.2.2.1)", { "cache-control": "max-age=60" }, 60],
    ["names and spaces are free (5.2)", { "cache-control": "Public , MAX-AGE = 60" }, 60],
    ["the quoted form counts too (5.2)", { "cache-control": 'max-age="60"' }, 60],
    ["s-maxage goes before max-age (5.2.2.10)", { "cache-control": "max-age=60, s-maxage=5" }, 5],
    ["max-age goes before Expires (5.3)", { "cache-control": "max-age=60", "expires": httpDate(9) }, 60],
    ["Expires minus Date (4.2.1)", { expires: httpDate(30) }, 30],
    ["an Expires that is no date is past (5.3)", { expires: "0" }, 0],
    ["two Expires are none", { expires: `${httpDate(30)}, ${httpDate(30)}` }, 0],
    ["no lifetime is guessed (4.2.2)", { "last-modified": httpDate(-1e6) }, 0],
    ["Age is spent already (4.2.3)", { "cache-control": "max-age=60", "age": "45" }, 15],
    ["the first Age counts (5.1)", { "cache-control": "max-age=60", "age": "45, 10" }, 15],
    ["an Age that is no number does not (5.1)", { "cache-control": "max-age=60", "age": "-5" }, 60],
    ["an old Date shows age too (4.2.3)", { "cache-control": "max-age=60", "date": httpDate(-50) }, 10],
    ["a Date ahead of us shows none (4.2.3)", { "cache-control": "max-age=60", "date": httpDate(50) }, 60],
    ["never below nothing", { "cache-control": "max-age=60", "age": "1000" }, 0],
    ["a lifetime that is no number is stale (4.2.1)", { "cache-control": "max-age=1.5" }, 0],
    ["and does not fall through to Expires", { "cache-control": "max-age=x", "expires": httpDate(9) }, 0],
    ["a lifetime told twice is stale (4.2.1)", { "cache-control": "max-age=60, max-age=600" }, 0],
    ["unless both say the same", { "cache-control": "max-age=60, max-age=60" }, 60],
    ["beyond 2^31 seconds counts as 2^31 (1.2.2)", { "cache-control": "max-age=99999999999999999999" }, 2 ** 31],
    ["no-cache is never fresh (5.2.2.4)", { "cache-control": "no-cache, max-age=60" }, 0],
    ["nor with field names", { "cache-control": 'max-age=60, no-cache="set-cookie, x"' }, 0],
    ["a quoted argument hides no directive", { "cache-control": 'x="no-cache, max-age=1", max-age=60' }, 60],
    ["unknown directives mean nothing (5.2.3)", { "cache-control": "max-age=60, community=UCI" }, 60],
  ];
  for (const [because, headers, freshSeconds] of cases) {
    test(`${because}: ${freshSeconds} s`, () => {
      assert.equal(judge(answer(headers), {}).freshUntilMs, nowMs + freshSeconds * 1000);
    });
  }

  test("the time the answer took counts as age (4.2.3)", () => {
    const facts = answer({ "cache-control": "max-age=60", "age": "10" }, { requestedAtMs: nowMs - 4000 });
    assert.equal(judge(facts, {}).freshUntilMs, nowMs + 46_000);
  });

  test("without a Date, the answer counts as made when it came (RFC 9110, 6.6.1)", () => {
    const facts: ResponseFacts = { ...answer(), headers: { expires: httpDate(30) } };
    assert.equal(judge(facts, {}).freshUntilMs, nowMs + 30_000);
  });

  test("property: never fresh for longer than told, however the clocks of both sides disagree", () => {
    const seconds = fc.integer({ min: 0, max: 1e6 });
    const skew = fc.integer({ min: -1e6, max: 1e6 });
    fc.assert(
      fc.property(seconds, seconds, skew, fc.nat(1e5), (lifetime, age, dateSkew, delayMs) => {
        const headers = { "cache-control": `max-age=${lifetime}`, "age": `${age}`, "date": httpDate(dateSkew) };
        const judgement = judge(answer(headers, { requestedAtMs: nowMs - delayMs }), {});
        const leftMs = judgement.freshUntilMs - nowMs;
        assert.ok(leftMs >= 0);
        assert.ok(leftMs <= Math.max(0, lifetime - age) * 1000);
        assert.ok(judgement.staleIfErrorUntilMs >= judgement.freshUntilMs);
      }),
    );
  });
});

describe("whether a response may be kept", () => {
  type Because = "no-store" | "private" | "authorization" | "status" | undefined;
  const bearer = { Authorization: "Bearer x" };
  const cases: readonly [what: string, cacheControl: string, request: Record<string, string>, expected: Because][] = [
    ["a plain answer", "", {}, undefined],
    ["no-store (5.2.2.5)", "no-store, max-age=60", {}, "no-store"],
    ["the request's no-store (5.2.1.5)", "max-age=60", { "Cache-Control": "no-store" }, "no-store"],
    ["private (5.2.2.7)", "private, max-age=60", {}, "private"],
    ["private with field names", 'private="set-cookie"', {}, "private"],
    ["must-understand on a status we understand (5.2.2.3)", "no-store, must-understand", {}, undefined],
    ["a credential (3.5)", "max-age=60", bearer, "authorization"],
    ["a credential and public (3.5)", "public", bearer, undefined],
    ["a credential and s-maxage (3.5)", "s-maxage=60", bearer, undefined],
    ["a credential and must-revalidate (3.5)", "must-revalidate", bearer, undefined],
    ["a credential, public and private", "public, private", bearer, "private"],
  ];
  for (const [what, cacheControl, request, expected] of cases) {
    test(`${what}: ${expected === undefined ? "kept" : `not kept (${expected})`}`, () => {
      const judgement = judge(answer({ "cache-control": cacheControl }), request);
      assert.equal(judgement.because, expected);
      assert.equal(judgement.storable, expected === undefined ? "yes" : "transfer-only");
    });
  }

  test("by status: what is cacheable by itself, or what says a lifetime (3)", () => {
    const because = (status: number, cacheControl: string): Because =>
      judge(answer({ "cache-control": cacheControl }, { status }), {}).because;
    assert.equal(because(206, ""), undefined);
    assert.equal(because(404, ""), undefined);
    assert.equal(because(403, ""), "status");
    assert.equal(because(403, "max-age=5"), undefined);
    assert.equal(because(304, "max-age=5"), "status");
    assert.equal(because(503, "no-store, must-understand"), "status");
  });
});

describe("when a kept response may be used", () => {
  const later = (ms: number): number => nowMs + ms;

  test("until its lifetime ends, to the millisecond (4.2)", () => {
    const response = stored({ "cache-control": "max-age=60" });
    assert.equal(useDecision(response, later(59_999), nowMs), "fresh");
    assert.equal(useDecision(response, later(60_000), nowMs), "revalidate");
  });

  test("without a lifetime, for one second after each check", () => {
    const response = stored();
    assert.equal(useDecision(response, later(999), nowMs), "fresh");
    assert.equal(useDecision(response, later(1000), nowMs), "revalidate");
    assert.equal(useDecision(response, later(5500), later(5000)), "fresh");
  });

  test("that second is not given where the origin spoke: max-age=0 and no-cache are asked each time", () => {
    assert.equal(useDecision(stored({ "cache-control": "max-age=0" }), later(1), nowMs), "revalidate");
    assert.equal(useDecision(stored({ "cache-control": "no-cache" }), later(1), nowMs), "revalidate");
    assert.equal(useDecision(stored({ "cache-control": "no-cache, max-age=9" }), later(1), nowMs), "revalidate");
  });

  test("a clock that was set back asks rather than trusts", () => {
    assert.equal(useDecision(stored(), later(-5000), nowMs), "revalidate");
  });
});

describe("stale, when it may still serve (RFC 5861; RFC 9111, 4.2.4)", () => {
  const until = (cacheControl: string, age = "0"): readonly number[] => {
    const judgement = judge(answer({ "cache-control": cacheControl, age }), {});
    return [judgement.staleWhileRevalidateUntilMs, judgement.staleIfErrorUntilMs].map((ms) => (ms - nowMs) / 1000);
  };

  test("for as long after its lifetime as told", () => {
    assert.deepEqual(until("max-age=60, stale-while-revalidate=10, stale-if-error=100"), [70, 160]);
    assert.deepEqual(until("max-age=60, stale-while-revalidate=10, stale-if-error=100", "65"), [5, 95]);
  });

  test("not at all unless told", () => assert.deepEqual(until("max-age=60"), [60, 60]));

  test("not at all where the origin forbids it", () => {
    for (const forbids of ["must-revalidate", "proxy-revalidate", "s-maxage=60"]) {
      const all = `max-age=60, stale-while-revalidate=10, stale-if-error=100, ${forbids}`;
      assert.deepEqual(until(all), [60, 60], forbids);
    }
    assert.deepEqual(until("max-age=60, stale-if-error=100, no-cache"), [0, 0]);
  });
});

describe("a 304 freshens what is kept (RFC 9111, 4.3.4)", () => {
  const held = stored({
    "etag": '"a"',
    "cache-control": "max-age=60",
    "content-length": "7",
    "content-type": "text/plain",
    "age": "50",
  });
  const notModified = (headers: Record<string, string>): ResponseFacts => {
    const atMs = nowMs + 100_000;
    return { ...answer(), status: 304, headers, requestedAtMs: atMs, answeredAtMs: atMs };
  };

  test("its fields replace the old ones, those of the message apart (3.2)", () => {
    const headers = {
      "cache-control": "max-age=5",
      "etag": '"a"',
      "date": httpDate(100),
      "content-length": "0",
      "content-digest": "sha-256=:x:",
      "connection": "close, x-hop",
      "x-hop": "1",
    };
    const fresh = refresh(held, notModified(headers), {})!;
    assert.equal(fresh.facts.status, 200);
    assert.equal(fresh.judgement.freshUntilMs, nowMs + 105_000);
    assert.deepEqual(fresh.facts.headers, {
      "cache-control": "max-age=5",
      "content-length": "7",
      "content-type": "text/plain",
      "date": httpDate(100),
      "etag": '"a"',
    });
  });

  test("what it does not repeat stays, but the age starts anew", () => {
    const fresh = refresh(held, notModified({ date: httpDate(100) }), {})!;
    assert.equal(fresh.judgement.freshUntilMs, nowMs + 160_000);
  });

  test("one that names another version freshens nothing", () => {
    assert.equal(refresh(held, notModified({ etag: '"b"' }), {}), undefined);
    assert.notEqual(refresh(held, notModified({ etag: 'W/"a"' }), {}), undefined);
  });
});
