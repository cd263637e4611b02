/** Which version of an object is meant (RFC 9110, 8.8 and 13), and which requests it answers (Vary). */

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { ResponseFacts } from "./facts.ts";
import { conditionalHeaders, strongValidator, versionsDiffer } from "./validators.ts";
import { varyKey, varyMatches } from "./vary.ts";

const nowMs = Date.UTC(2026, 10, 21, 12);
const date = new Date(nowMs).toUTCString();
const ago = (seconds: number): string => new Date(nowMs - seconds * 1000).toUTCString();
const answer = (headers: Record<string, string>): ResponseFacts => ({
  status: 200,
  url: "http://origin.example/object",
  headers,
  requestedAtMs: nowMs,
  answeredAtMs: nowMs,
});

describe("the validator for If-Range (RFC 9110, 13.1.5)", () => {
  const cases: readonly [what: string, headers: Record<string, string>, expected: string | undefined][] = [
    ["a strong entity tag", { etag: '"abc"' }, '"abc"'],
    ["an empty one is one", { etag: '""' }, '""'],
    ["a weak entity tag is none", { etag: 'W/"abc"' }, undefined],
    ["and rules the date out", { "etag": 'W/"abc"', "last-modified": ago(9999), date }, undefined],
    ["a tag without quotes is no tag", { etag: "abc" }, undefined],
    ["so the date may serve", { "etag": "abc", "last-modified": ago(9999), date }, ago(9999)],
    ["two tags are none", { etag: '"a", "b"' }, undefined],
    ["a date 60 s before Date (8.8.2.2)", { "last-modified": ago(60), date }, ago(60)],
    ["a date 59 s before Date is weak", { "last-modified": ago(59), date }, undefined],
    ["a date after Date is weak", { "last-modified": ago(-100), date }, undefined],
    ["a date without a Date is weak", { "last-modified": ago(9999) }, undefined],
    ["a date that is none", { "last-modified": "yesterday", date }, undefined],
    ["nothing at all", {}, undefined],
  ];
  for (const [what, headers, expected] of cases) {
    test(what, () => assert.equal(strongValidator(answer(headers)), expected));
  }
});

describe("asking whether it changed (RFC 9111, 4.3.1)", () => {
  test("sends every validator there is, weak ones too", () => {
    const headers = { "etag": 'W/"a"', "last-modified": ago(1) };
    assert.deepEqual(conditionalHeaders(answer(headers)), { "if-none-match": 'W/"a"', "if-modified-since": ago(1) });
    assert.deepEqual(conditionalHeaders(answer({ "etag": "bad", "last-modified": "bad" })), {});
  });
});

describe("two answers of one transfer", () => {
  const differ = (a: Record<string, string>, b: Record<string, string>): boolean =>
    versionsDiffer(answer(a), answer(b));

  test("differ when a validator moved", () => {
    assert.ok(differ({ etag: '"a"' }, { etag: '"b"' }));
    assert.ok(differ({ "last-modified": ago(1) }, { "last-modified": ago(2) }));
    assert.ok(differ({ "etag": '"a"', "last-modified": ago(1) }, { "etag": '"b"', "last-modified": ago(1) }));
  });

  test("do not differ when one says less, or when the date has grown strong since", () => {
    assert.ok(!differ({ "etag": '"a"', "last-modified": ago(1) }, { etag: '"a"' }));
    assert.ok(!differ({ "last-modified": ago(30), "date": ago(0) }, { "last-modified": ago(30), "date": ago(-60) }));
    assert.ok(!differ({ "etag": '"a"', "last-modified": ago(1) }, { "etag": '"a"', "last-modified": ago(2) }));
    assert.ok(!differ({}, { etag: '"a"' }));
  });
});

describe("Vary (RFC 9111, 4.1)", () => {
  const matches = (vary: string, first: Record<string, string>, later: Record<string, string>): boolean =>
    varyMatches(varyKey({ vary }, first), later);

  test("the named fields must be the same, the others need not", () => {
    assert.ok(matches("accept", { accept: "a/b", x: "1" }, { accept: "a/b", x: "2" }));
    assert.ok(!matches("accept", { accept: "a/b" }, { accept: "a/c" }));
    assert.ok(!matches("accept, X", { accept: "a/b", x: "1" }, { accept: "a/b", x: "2" }));
    assert.ok(matches("", { accept: "a/b" }, { accept: "a/c" }));
  });

  test("the case of names and the spaces of lists mean nothing", () => {
    assert.ok(matches("Accept", { ACCEPT: "a , b" }, { Accept: " a,b " }));
  });

  test("a field missing from both is the same, from one is not", () => {
    assert.ok(matches("accept-language", {}, {}));
    assert.ok(!matches("accept-language", {}, { "accept-language": "de" }));
    assert.ok(!matches("accept-language", { "accept-language": "de" }, {}));
  });

  test("* matches nothing", () => assert.ok(!matches("accept, *", {}, {})));

  test("a secret is not kept, and what it chose answers nobody else", () => {
    const key = varyKey(
      { vary: "authorization, x-api-key" },
      { "Authorization": "Bearer s3cret", "X-Api-Key": "s3cret" },
    );
    assert.ok(!JSON.stringify(key).includes("s3cret"));
    assert.ok(!varyMatches(key, { "Authorization": "Bearer s3cret", "X-Api-Key": "s3cret" }));
    assert.ok(matches("authorization", {}, {}));
    assert.ok(!matches("authorization", {}, { authorization: "Bearer x" }));
  });
});
