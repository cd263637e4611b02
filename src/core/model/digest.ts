/** A digest as people write it: `sha256:<64 hex>`, `sha512:<128 hex>` or `md5:<32 hex>`. */

import { DarnerError } from "#base/mod.ts";

export const digestHexLength = { sha256: 64, sha512: 128, md5: 32 } as const;
export type DigestName = keyof typeof digestHexLength;

export interface Digest {
  readonly algorithm: DigestName;
  /** Lower case. */
  readonly hex: string;
}

export function digestToText(digest: Digest): string {
  return `${digest.algorithm}:${digest.hex}`;
}

/** Throws `digest.malformed`. */
export function parseDigest(text: string): Digest {
  const colon = text.indexOf(":");
  const algorithm = text.slice(0, colon).toLowerCase();
  const hex = text.slice(colon + 1).toLowerCase();
  if (colon < 0 || !isDigestName(algorithm)) {
    throw new DarnerError(
      "digest.malformed",
      `cannot read the digest "${text}": it should be sha256:HEX, sha512:HEX or md5:HEX`,
    );
  }
  if (hex.length !== digestHexLength[algorithm] || !/^[0-9a-f]+$/.test(hex)) {
    throw new DarnerError(
      "digest.malformed",
      `cannot read the digest "${text}": ${algorithm} has ${digestHexLength[algorithm]} hex digits, this has ${hex.length}`,
    );
  }
  return { algorithm, hex };
}

function isDigestName(text: string): text is DigestName {
  return Object.hasOwn(digestHexLength, text);
}
