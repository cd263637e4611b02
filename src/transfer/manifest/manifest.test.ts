/** A host's manifest: lines are added whole or not at all, and signed ones only as their manager told them. */

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { bytesEqual } from "#base/mod.ts";
import { sha256 } from "#platform/keys/digest.ts";
import { newSigningKey, type SigningKey } from "#platform/keys/signing.ts";
import { joinDigests, Manifest, type EndLine, type ListedLines } from "./manifest.ts";
import { endSeal, ManifestChain } from "./manifest-chain.ts";

const head = { task: "t", generation: "g", pieceBytes: 10, url: "http://origin/a" };
const manager = newSigningKey();
const digestOf = (index: number): Uint8Array => sha256(Uint8Array.of(index));

/** What a manager says of these pieces, `batch` lines in a message. */
function told(pieces: readonly number[], batch = 2, key: SigningKey = manager, of = head) {
  const chain = new ManifestChain(of);
  const lines: ListedLines[] = [];
  for (let from = 0; from < pieces.length; from += batch) {
    const indices = pieces.slice(from, from + batch);
    for (const index of indices) chain.add(index, digestOf(index));
    const digests = joinDigests(indices.map(digestOf));
    lines.push({ from, indices, digests, signature: key.sign("manifest", chain.seal()) });
  }
  const end: EndLine = { lengthBytes: 60, digests: ["sha256:ab"] };
  const signature = key.sign("manifest", endSeal(chain.seal(), end.lengthBytes, end.digests));
  return { lines, end: { ...end, signature } };
}

/** Why a host refuses these lines and this end, or null. */
function refusalOf(lines: readonly ListedLines[], end: EndLine, key = manager.publicKey): string | null {
  const manifest = new Manifest(head, key);
  for (const line of lines) {
    const refusal = manifest.list(line);
    if (refusal !== null) return refusal;
  }
  return manifest.finish(end);
}

describe("a manifest without signatures", () => {
  test("lines are added whole or not at all", () => {
    const manifest = new Manifest(head);
    const digests = joinDigests([0, 1].map(digestOf));
    assert.equal(manifest.list({ from: 0, indices: [5, 0], digests }), null);
    assert.ok(bytesEqual(manifest.digestOf(5)!, digestOf(0)) && bytesEqual(manifest.digestOf(0)!, digestOf(1)));
    assert.equal(manifest.digestOf(1), undefined);
    for (const indices of [[1], [1, 2, 3], [-1, 2], [1.5, 2], [2 ** 32, 1]])
      assert.notEqual(manifest.list({ from: 2, indices, digests }), null);
    assert.equal(manifest.digestOf(1), undefined);
    assert.equal(manifest.lengthBytes, undefined);
    assert.equal(manifest.finish({ lengthBytes: 60, digests: [] }), null);
    assert.equal(manifest.lengthBytes, 60);
  });
});

describe("a signed manifest", () => {
  const { lines, end } = told([3, 0, 5, 1, 4, 2]);

  test("is taken as it was told, and again from its first line by another manager", () => {
    assert.equal(refusalOf(lines, end), null);
    const other = newSigningKey();
    const again = told([0, 1, 2], 3, other);
    const manifest = new Manifest(head, manager.publicKey);
    assert.equal(manifest.list(lines[0]!), null);
    manifest.restart(head, other.publicKey);
    assert.equal(manifest.list(again.lines[0]!), null);
    assert.ok(bytesEqual(manifest.digestOf(3)!, digestOf(3)), "what the first one told stays");
  });

  test("changed, reordered, cut, repeated or foreign, it is refused", () => {
    const [a, b, c] = lines as [ListedLines, ListedLines, ListedLines];
    const otherDigest = joinDigests([digestOf(9), digestOf(1)]);
    const cases: Record<string, readonly [readonly ListedLines[], EndLine]> = {
      "a digest changed": [[a, { ...b, digests: otherDigest }, c], end],
      "an index changed": [[a, { ...b, indices: [6, 1] }, c], end],
      "two lines of a message swapped": [[a, { ...b, indices: [...b.indices].reverse() }, c], end],
      "two messages swapped": [[b, a, c], end],
      "two messages swapped and renumbered": [[{ ...b, from: 0 }, { ...a, from: 2 }, c], end],
      "a message left out": [[a, c], end],
      "a message left out and renumbered": [[a, { ...c, from: 2 }], end],
      "cut before the end": [[a, b], end],
      "a message twice": [[a, a, b, c], end],
      "no signature": [[{ from: 0, indices: a.indices, digests: a.digests }], end],
      "the signature of another message": [[{ ...a, signature: b.signature! }], end],
      "the end with another length": [lines, { ...end, lengthBytes: 61 }],
      "the end with another digest": [lines, { ...end, digests: ["sha256:cd"] }],
      "the end without its digests": [lines, { ...end, digests: [] }],
      "an end that nobody signed": [lines, { lengthBytes: 60, digests: ["sha256:ab"] }],
      "a line's signature as the end's": [lines, { ...end, signature: c.signature! }],
      "signed by another key": [told([3, 0, 5], 3, newSigningKey()).lines, end],
      "of another generation": [told([3, 0], 2, manager, { ...head, generation: "h" }).lines, end],
      "of another task": [told([3, 0], 2, manager, { ...head, task: "u" }).lines, end],
    };
    for (const [name, [told, last]] of Object.entries(cases)) assert.notEqual(refusalOf(told, last), null, name);
  });

  test("a signature made for another purpose is none", () => {
    const chain = new ManifestChain(head);
    chain.add(0, digestOf(0));
    const signature = manager.sign("ticket", chain.seal());
    assert.match(
      refusalOf([{ from: 0, indices: [0], digests: joinDigests([digestOf(0)]), signature }], end)!,
      /signed/,
    );
  });

  test("property: one bit of a message's digests or signature turned over is refused", () => {
    fc.assert(
      fc.property(fc.nat(2), fc.boolean(), fc.nat(511), (at, ofSignature, bit) => {
        const line = lines[at]!;
        const bytes = Buffer.from(ofSignature ? line.signature! : line.digests, ofSignature ? "base64url" : "base64");
        bytes[bit >> 3]! ^= 1 << (bit & 7);
        const changed = ofSignature
          ? { ...line, signature: bytes.toString("base64url") }
          : { ...line, digests: bytes.toString("base64") };
        const spoiled = lines.map((other, index) => (index === at ? changed : other));
        assert.notEqual(refusalOf(spoiled, end), null);
      }),
    );
  });
});
