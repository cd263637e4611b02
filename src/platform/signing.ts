/**
 * Ed25519 keys: who a host is, and who vouches for it. Signing is a pure function of its input, so
 * there is no simulated twin. A host's id is the head of the SHA-256 of its public key.
 */

import { createPrivateKey, createPublicKey, generateKeyPairSync, sign, verify, type KeyObject } from "node:crypto";
import { sha256Hex } from "./digest.ts";

export interface SigningKey {
  /** SPKI DER, base64. */
  readonly publicKey: string;
  /** 32 hex digits. */
  readonly id: string;
  sign(bytes: Uint8Array | string): string;
  /** PKCS#8 PEM, for a file that only its owner reads. */
  exportPem(): string;
}

export function newSigningKey(): SigningKey {
  return wrap(generateKeyPairSync("ed25519").privateKey);
}

/** Throws when the text is no private key. */
export function signingKeyFromPem(pem: string): SigningKey {
  return wrap(createPrivateKey(pem));
}

function wrap(privateKey: KeyObject): SigningKey {
  const publicKey = createPublicKey(privateKey).export({ type: "spki", format: "der" }).toString("base64");
  return {
    publicKey,
    id: keyId(publicKey),
    sign: (bytes) => sign(null, Buffer.from(bytes), privateKey).toString("base64url"),
    exportPem: () => privateKey.export({ type: "pkcs8", format: "pem" }),
  };
}

/** The id that belongs to a public key. */
export function keyId(publicKey: string): string {
  return sha256Hex(publicKey).slice(0, 32);
}

/** False for a wrong signature and for anything malformed. */
export function signatureHolds(publicKey: string, bytes: Uint8Array | string, signature: string): boolean {
  try {
    const key = createPublicKey({ key: Buffer.from(publicKey, "base64"), type: "spki", format: "der" });
    return verify(null, Buffer.from(bytes), key, Buffer.from(signature, "base64url"));
  } catch {
    return false;
  }
}
