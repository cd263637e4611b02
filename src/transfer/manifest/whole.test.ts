/** A small object in one message counts as its manager signed it, or not at all. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { smallBytesMax, type WholeMessage } from "#core/protocol/mod.ts";
import { sha256, sha256Hex } from "#platform/keys/digest.ts";
import { newSigningKey } from "#platform/keys/signing.ts";
import { endSeal, ManifestChain } from "./manifest-chain.ts";
import { bytesOfWhole, wholeMessage } from "./whole.ts";

const key = newSigningKey();
const head = { task: "t", generation: "g", pieceBytes: smallBytesMax, url: "http://origin/a" };

function told(bytes: Uint8Array, signer = key): WholeMessage {
  const chain = new ManifestChain(head);
  if (bytes.length > 0) chain.add(0, sha256(bytes));
  const end = { lengthBytes: bytes.length, digests: [`sha256:${sha256Hex(bytes)}`] };
  const signature = signer.sign("manifest", endSeal(chain.seal(), end.lengthBytes, end.digests));
  return wholeMessage(head, { ...end, signature }, bytes);
}

const some = Uint8Array.from({ length: 10_000 }, (_, index) => index);

test("what the manager signed gives its bytes, an empty object too", () => {
  for (const bytes of [some, new Uint8Array(0), new Uint8Array(smallBytesMax)]) {
    assert.deepEqual(Buffer.from(bytesOfWhole(told(bytes), key.publicKey) as Uint8Array), Buffer.from(bytes));
    assert.deepEqual(Buffer.from(bytesOfWhole(told(bytes), undefined) as Uint8Array), Buffer.from(bytes));
  }
});

test("another's signature, or none, or any change of what was signed is refused", () => {
  const message = told(some);
  const { signature: _, ...unsigned } = message;
  const changed = some.with(7, 1);
  const others: WholeMessage[] = [
    told(some, newSigningKey()),
    unsigned,
    { ...message, head: { ...head, url: "http://origin/b" } },
    { ...message, digests: [...message.digests, "md5:00"] },
    { ...told(changed), signature: message.signature! },
  ];
  for (const other of others) assert.equal(typeof bytesOfWhole(other, key.publicKey), "string");
});

test("bytes that are not those of the digest are refused without a key as well", () => {
  const message = told(some);
  for (const bytes of [some.with(7, 1), some.subarray(1), new Uint8Array(smallBytesMax + 1)]) {
    const wrong = { ...message, bytes: Buffer.from(bytes).toString("base64") };
    assert.equal(typeof bytesOfWhole(wrong, undefined), "string");
    assert.equal(typeof bytesOfWhole({ ...wrong, lengthBytes: bytes.length }, undefined), "string");
  }
});
