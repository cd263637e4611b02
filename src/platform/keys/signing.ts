/**
 * Ed25519 keys: who a host is, and who vouches for it. Signing is a pure function of its input, so
 * there is no simulated twin. A host's id is the head of the SHA-256 of its public key.
 *
 * Each signature is for one purpose, which is part of what is signed: a text that one process makes
 * another sign for one purpose is of no use for another.
 */

import { createPrivateKey, createPublicKey, generateKeyPairSync, sign, verify, type KeyObject } from "node:crypto";
import { assert, bytesWithLengths } from "#base/mod.ts";
import { sha256Hex } from "./digest.ts";

export type SigningPurpose = "ticket" | "manifest" | "piece-plane" | "join";

export interface SigningKey {
  /** SPKI DER, base64. */
  readonly publicKey: string;
  /** 32 hex digits. */
  readonly id: string;
  sign(purpose: SigningPurpose, bytes: Uint8Array | string): string;
  /** The bare signature that X.509 asks for; a certificate begins otherwise than anything signed for a purpose. */
  signCertificate(bytes: Uint8Array): Uint8Array;
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
    sign: (purpose, bytes) => sign(null, signedBytes(purpose, bytes), privateKey).toString("base64url"),
    signCertificate: (bytes) => sign(null, bytes, privateKey),
    exportPem: () => privateKey.export({ type: "pkcs8", format: "pem" }),
  };
}

/** The id that belongs to a public key. */
export function keyId(publicKey: string): string {
  return sha256Hex(publicKey).slice(0, 32);
}

/** False for a wrong signature and for anything malformed. */
export function signatureHolds(
  publicKey: string,
  purpose: SigningPurpose,
  bytes: Uint8Array | string,
  signature: string,
): boolean {
  try {
    return verify(null, signedBytes(purpose, bytes), readKey(publicKey), Buffer.from(signature, "base64url"));
  } catch {
    return false;
  }
}

function signedBytes(purpose: SigningPurpose, bytes: Uint8Array | string): Uint8Array {
  return bytesWithLengths([`darner-${purpose}-1`, bytes]);
}

/** Keys read last: reading one costs half of a check. */
const keys = new Map<string, KeyObject>();
const keysMax = 64;

/** Throws when the text is no Ed25519 key. */
function readKey(publicKey: string): KeyObject {
  const known = keys.get(publicKey);
  if (known !== undefined) return known;
  const key = createPublicKey({ key: Buffer.from(publicKey, "base64"), type: "spki", format: "der" });
  assert(key.asymmetricKeyType === "ed25519", "the key is an Ed25519 key");
  if (keys.size >= keysMax) keys.delete(keys.keys().next().value!);
  keys.set(publicKey, key);
  return key;
}
