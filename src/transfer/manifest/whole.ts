/**
 * A small object in one message of its manager: bytes, proved digests and the signature that the last
 * line of its manifest would have.
 */

import { smallBytesMax, type ManifestHead, type WholeMessage } from "#core/protocol/mod.ts";
import { sha256 } from "#platform/keys/digest.ts";
import { signatureHolds } from "#platform/keys/signing.ts";
import type { EndLine } from "./manifest.ts";
import { endSeal, ManifestChain } from "./manifest-chain.ts";

export function wholeMessage(head: ManifestHead, end: EndLine, bytes: Uint8Array): WholeMessage {
  const { lengthBytes, digests, signature } = end;
  return {
    kind: "whole",
    head,
    lengthBytes,
    digests,
    ...(signature === undefined ? {} : { signature }),
    bytes: Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("base64"),
  };
}

/** The object's bytes, or why they do not count. Without a key nothing has to be signed: trust is off. */
export function bytesOfWhole(message: WholeMessage, managerKey: string | undefined): Uint8Array | string {
  const { head, lengthBytes, digests, signature = "" } = message;
  const bytes = Buffer.from(message.bytes, "base64");
  if (bytes.length !== lengthBytes || bytes.length > smallBytesMax) return "it is not as long as it says";
  const digest = sha256(bytes);
  if (!digests.includes(`sha256:${Buffer.from(digest).toString("hex")}`))
    return "its bytes are not those of its digest";
  if (managerKey === undefined) return bytes;
  const chain = new ManifestChain(head);
  if (bytes.length > 0) chain.add(0, digest);
  const isSigned = signatureHolds(managerKey, "manifest", endSeal(chain.seal(), lengthBytes, digests), signature);
  return isSigned ? bytes : "it is not what the manager signed";
}
