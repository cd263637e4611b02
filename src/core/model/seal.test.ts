/** How long an object is when it is sealed, and how long when it is not. */

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { clearLength, clearLengthOf, clearPieceLength, sealBytes, sealedLength } from "./seal.ts";

const pieces = fc.integer({ min: sealBytes + 1, max: 2 ** 24 });

describe("lengths of the sealed form", () => {
  test("each piece grows by its seal; an empty object has none", () => {
    const pieceBytes = 100;
    assert.equal(clearPieceLength(pieceBytes), 72);
    assert.equal(sealedLength(0, pieceBytes), 0);
    assert.equal(sealedLength(72, pieceBytes), 100);
    assert.equal(sealedLength(73, pieceBytes), 100 + 29);
  });

  test("property: there and back; what is no sealed length is told from one", () => {
    fc.assert(
      fc.property(fc.nat(2 ** 40), pieces, (length, pieceBytes) => {
        fc.pre(length / clearPieceLength(pieceBytes) < 2 ** 31);
        const sealed = sealedLength(length, pieceBytes);
        assert.equal(clearLength(sealed, pieceBytes), length);
        const rest = sealed % pieceBytes;
        // A last piece that is nothing but a seal, or less, holds no byte.
        if (rest !== 0) assert.equal(clearLength(sealed - rest + Math.min(rest, sealBytes), pieceBytes), undefined);
      }),
    );
  });

  test("an object in clear has the length that it has", () => {
    assert.equal(clearLengthOf({ lengthBytes: 7, pieceBytes: 100 }), 7);
    assert.equal(clearLengthOf({ lengthBytes: 100, pieceBytes: 100, seal: { keyId: "k" } }), 72);
    assert.equal(clearLengthOf({ pieceBytes: 100, seal: { keyId: "k" } }), undefined);
  });
});
