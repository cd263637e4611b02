/** The nouns of the field: keys that do not collide, pieces that cover, digests and tickets that are read strictly. */

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { bytesEqual, DarnerError } from "#base/mod.ts";
import { digestToText, parseDigest } from "./digest.ts";
import { choosePieceBytes, pieceBytesMax, pieceBytesMin, pieceCount, pieceSpan } from "./piece.ts";
import { canonicalUrl, taskKeyBytes, type TaskSource } from "./task.ts";
import { clockSkewMs, parseClaims, ticketFault } from "./ticket.ts";

const anyLength = fc.oneof(fc.nat(10_000_000), fc.integer({ min: 0, max: 2 ** 44 }));

describe("pieces", () => {
  // A lone host has short pieces; beyond some twelve thousand hosts the manager follows fewer of each.
  test("property: a power of two within its bounds, more hosts never make it longer", () => {
    fc.assert(
      fc.property(
        anyLength,
        fc.integer({ min: 2, max: 12_000 }),
        fc.integer({ min: 2, max: 12_000 }),
        (length, a, b) => {
          const bytes = choosePieceBytes(length, a);
          assert.ok(bytes >= pieceBytesMin && bytes <= pieceBytesMax && Number.isInteger(Math.log2(bytes)));
          assert.ok(pieceCount(length, bytes) <= 16_384 || bytes === pieceBytesMax);
          assert.ok(choosePieceBytes(length, Math.max(a, b)) <= choosePieceBytes(length, Math.min(a, b)));
        },
      ),
    );
    assert.ok(choosePieceBytes(undefined, 10) >= pieceBytesMin);
  });

  test("property: spans cover the object without gap or overlap", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 100_000 }), fc.integer({ min: 1, max: 5_000 }), (length, bytes) => {
        let end = 0;
        for (let index = 0; index < pieceCount(length, bytes); index++) {
          const span = pieceSpan(index, length, bytes);
          assert.equal(span.start, end);
          assert.ok(span.end > span.start && span.end - span.start <= bytes);
          end = span.end;
        }
        assert.equal(end, length);
      }),
      { numRuns: 50 },
    );
    assert.throws(() => pieceSpan(3, 300, 100));
    assert.equal(pieceCount(0, 100), 0);
  });
});

describe("a task's key", () => {
  const key = (source: TaskSource): Uint8Array => taskKeyBytes(source);
  const same = (a: TaskSource, b: TaskSource): boolean => bytesEqual(key(a), key(b));
  const digest = parseDigest(`sha256:${"ab".repeat(32)}`);

  test("spellings of one URL are one task; another tag, credential or query is another", () => {
    const plain = { url: "http://h/a?x=1&y=2" };
    assert.ok(same(plain, { url: "HTTP://H:80/b/../a?x=1&y=2#part" }));
    assert.ok(same(plain, { url: "http://user:secret@h/a?x=1&y=2" }));
    assert.ok(
      same({ url: "http://h/a", filterQuery: ["sig"] }, { url: "http://h/a?sig=1&%73ig=2", filterQuery: ["sig"] }),
    );
    for (const other of [
      { url: "http://h/a?y=2&x=1" },
      { url: "https://h/a?x=1&y=2" },
      { ...plain, tag: "t" },
      { ...plain, credential: "c" },
      { ...plain, digest },
    ])
      assert.equal(same(plain, other), false, JSON.stringify(other));
  });

  test("what is known by its digest is one task wherever it lies, but MD5 is no part of a key", () => {
    assert.ok(same({ url: "http://a/1", digest }, { url: "http://b/2", digest }));
    const md5 = parseDigest(`md5:${"0".repeat(32)}`);
    assert.equal(same({ url: "http://a/1", digest: md5 }, { url: "http://b/2", digest: md5 }), false);
    assert.ok(same({ url: "http://a/1", digest: md5 }, { url: "http://a/1" }));
  });

  test("property: no tag and credential are taken for one another, whatever they hold", () => {
    fc.assert(
      fc.property(fc.string(), fc.string(), fc.string(), fc.string(), (tag, credential, tag2, credential2) => {
        const a = { url: "http://h/", tag, credential };
        const b = { url: "http://h/", tag: tag2, credential: credential2 };
        assert.equal(same(a, b), tag === tag2 && credential === credential2);
      }),
    );
  });

  test("property: a canonical URL is its own canonical URL", () => {
    fc.assert(
      fc.property(
        fc.webUrl({ withQueryParameters: true, withFragments: true }),
        fc.array(fc.string()),
        (url, filter) => {
          const once = canonicalUrl(url, filter);
          assert.equal(canonicalUrl(once, filter), once);
        },
      ),
      { numRuns: 30 },
    );
  });

  test("the other parameters keep their spelling and order; what is no URL says so", () => {
    assert.equal(canonicalUrl("http://h/a?b=%zz&a+b=1&c", ["a b"]), "http://h/a?b=%zz&c");
    assert.equal(canonicalUrl("http://h/a?sig=1", ["sig"]), "http://h/a");
    assert.throws(
      () => canonicalUrl("h/a", []),
      (error) => error instanceof DarnerError && error.code === "url.malformed" && /http:\/\//.test(error.message),
    );
  });
});

describe("digests and tickets", () => {
  test("a digest is read in any case and written in lower case; everything else is refused", () => {
    const text = `sha512:${"0f".repeat(64)}`;
    assert.equal(digestToText(parseDigest(text.toUpperCase())), text);
    const malformed = [
      "",
      "sha256",
      `sha256:${"0".repeat(63)}`,
      `sha1:${"0".repeat(40)}`,
      `md5:${"g".repeat(32)}`,
      "0".repeat(64),
      "constructor:00",
    ];
    for (const wrong of malformed)
      assert.throws(
        () => parseDigest(wrong),
        (error) => error instanceof DarnerError && error.code === "digest.malformed",
        wrong,
      );
  });

  test("a ticket is for one task, one host and a time; clocks may differ a little", () => {
    const claims = { task: "t", host: "h", expiresAtMs: 1_000_000 };
    assert.equal(ticketFault(claims, { task: "t", host: "h" }, 1_000_000 + clockSkewMs), null);
    assert.match(ticketFault(claims, { task: "t", host: "h" }, 1_000_001 + clockSkewMs)!, /expired/);
    assert.match(ticketFault(claims, { task: "u", host: "h" }, 0)!, /another task/);
    assert.match(ticketFault(claims, { task: "t", host: "i" }, 0)!, /another host/);
    assert.deepEqual(parseClaims(JSON.stringify({ ...claims, more: 1 })), claims);
    for (const json of [
      "",
      "null",
      "[]",
      "{}",
      '{"task":"t","host":"h","expiresAtMs":"1"}',
      '{"task":"t","host":"h","expiresAtMs":null}',
    ])
      assert.equal(parseClaims(json), null, json);
  });
});
