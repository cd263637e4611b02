/** Sealing is opening turned round, and nothing else opens what it made. */

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { sealBytes } from "#core/model/mod.ts";
import { openPiece, sealKeyFrom, sealPiece, type SealPlace } from "./sealing.ts";

const key = sealKeyFrom(new Uint8Array(32).fill(7));
const otherKey = sealKeyFrom(new Uint8Array(32).fill(8));
const place: SealPlace = { task: "ab".repeat(32), index: 3, pieceBytes: 65_536, lengthBytes: 1_000_000 };
const content = fc.uint8Array({ minLength: 1, maxLength: 600 });
/** A copy, since opening spends its buffer. */
const opened = (sealed: Uint8Array, by = key, at = place): Uint8Array | undefined => openPiece(by, at, sealed.slice());

describe("a sealed piece", () => {
  test("property: opens to what it was, under its key and at its place", () => {
    fc.assert(
      fc.property(
        content,
        fc.nat(2 ** 32 - 1),
        fc.option(fc.nat(), { nil: undefined }),
        (clear, index, lengthBytes) => {
          const at = { ...place, index, lengthBytes };
          const sealed = sealPiece(key, at, clear);
          assert.equal(sealed.length, clear.length + sealBytes);
          assert.deepEqual(new Uint8Array(opened(sealed, key, at)!), clear);
        },
      ),
    );
  });

  test("pieces longer than a step of the cipher come out whole", () => {
    const clear = Uint8Array.from({ length: 3 * 128 * 1024 + 5 }, (_, index) => (index * 7) & 0xff);
    assert.deepEqual(new Uint8Array(opened(sealPiece(key, place, clear))!), clear);
  });

  for (const [what, elsewhere] of Object.entries({
    "another task": { ...place, task: "cd".repeat(32) },
    "another place in it": { ...place, index: 4 },
    "an object that is cut otherwise": { ...place, pieceBytes: 65_537 },
    "a longer object": { ...place, lengthBytes: 1_000_001 },
    "an object whose length nobody knew": { ...place, lengthBytes: undefined },
  })) {
    test(`does not open in ${what}`, () => {
      assert.equal(opened(sealPiece(key, place, new Uint8Array(99)), key, elsewhere), undefined);
    });
  }

  test("does not open with another key, whose name is another too", () => {
    assert.equal(opened(sealPiece(key, place, new Uint8Array(99)), otherKey), undefined);
    assert.notEqual(key.id, otherKey.id);
  });

  test("property: with a bit turned, or cut, or longer, it does not open and gives no clear byte", () => {
    fc.assert(
      fc.property(content, fc.nat(), fc.nat(7), fc.nat(2), (clear, at, bit, how) => {
        const sealed = sealPiece(key, place, clear);
        const position = at % sealed.length;
        const spoiled = sealed.slice();
        spoiled[position]! ^= 1 << bit;
        const cut = sealed.slice(0, position);
        const longer = Buffer.concat([sealed, new Uint8Array(1 + (at % 3))]);
        const buffer = [spoiled, cut, longer][how]!;
        assert.equal(openPiece(key, place, buffer), undefined);
        if (clear.length >= 8) assert.ok(!Buffer.from(buffer).includes(clear.subarray(0, 8)), "nothing is left of it");
      }),
    );
  });

  test("property: the same piece is the same bytes each time; no nonce serves two contents", () => {
    fc.assert(
      fc.property(content, content, fc.nat(1), (one, other, index) => {
        const first = sealPiece(key, place, one);
        assert.deepEqual(sealPiece(key, place, one), first);
        const second = sealPiece(key, { ...place, index }, other);
        const isSame = index === place.index && Buffer.compare(one, other) === 0;
        assert.equal(Buffer.compare(first.subarray(0, 12), second.subarray(0, 12)) === 0, isSame);
      }),
    );
  });
});
