/**
 * Sealing and opening pieces with AES-256-GCM: pure functions of their input, so there is no simulated
 * twin.
 *
 * Invariants:
 *  1. The seal binds the task, the piece's index, the piece length and, where it was known, the length of
 *     the whole: a piece opens nowhere else.
 *  2. The nonce is made from the content (HMAC-SHA-256 over what is bound and the clear bytes, under a
 *     key of its own): the same piece is sealed to the same bytes at any time and manager, and no nonce
 *     ever serves two contents, whatever crashed in between.
 *  3. No clear byte is given out before the tag was checked.
 */

import { createCipheriv, createDecipheriv, createHmac, hkdfSync, type Cipheriv, type Decipheriv } from "node:crypto";
import { assert, bytesWithLengths } from "#base/mod.ts";
import { sealBytes, sealNonceBytes, sealSecretBytes, sealTagBytes, type SealDerivation } from "#core/model/mod.ts";
import { sha256Hex } from "./digest.ts";

const cipherName = "aes-256-gcm";
/** What the cipher is given at a time: what it gives back stays in the processor's cache. */
const stepBytes = 128 * 1024;
const unknownLength = 0xffff_ffff_ffff_ffffn;

export interface SealKey {
  /** 32 hex digits; tells nothing of the key. */
  readonly id: string;
  /** What the key is made from, for whoever has the right to it. */
  readonly secret: Uint8Array;
  readonly content: Uint8Array;
  readonly nonce: Uint8Array;
}

/** Where a piece belongs. */
export interface SealPlace {
  /** 64 hex digits. */
  readonly task: string;
  readonly index: number;
  /** Of the sealed object. */
  readonly pieceBytes: number;
  /** Of the clear object; undefined when nobody knew it when its first piece was sealed. */
  readonly lengthBytes: number | undefined;
}

/** What the key of one version of a task is made from, the same at every manager that knows the epoch's secret. */
export function sealSecretOf(epochSecret: Uint8Array, task: string, { epoch, version }: SealDerivation): Uint8Array {
  assert(epochSecret.length === sealSecretBytes, "an epoch's secret has 32 bytes");
  const about = bytesWithLengths([task, version, String(epoch)]);
  return new Uint8Array(hkdfSync("sha256", epochSecret, "darner-seal-epoch-1", about, sealSecretBytes));
}

export function sealKeyFrom(secret: Uint8Array): SealKey {
  assert(secret.length === sealSecretBytes, "a sealing secret has 32 bytes");
  const derived = (purpose: string): Uint8Array =>
    new Uint8Array(hkdfSync("sha256", secret, "darner-seal-1", purpose, 32));
  return {
    id: sha256Hex(derived("id")).slice(0, 32),
    secret,
    content: derived("content"),
    nonce: derived("nonce"),
  };
}

/** The sealed piece, `sealBytes` longer than the clear one. */
export function sealPiece(key: SealKey, place: SealPlace, clear: Uint8Array): Uint8Array {
  const bound = boundBytes(place);
  const nonce = createHmac("sha256", key.nonce).update(bound).update(clear).digest().subarray(0, sealNonceBytes);
  const cipher = createCipheriv(cipherName, key.content, nonce, { authTagLength: sealTagBytes }).setAAD(bound);
  const sealed = Buffer.allocUnsafeSlow(clear.length + sealBytes);
  sealed.set(nonce);
  run(cipher, clear, sealed.subarray(sealNonceBytes));
  cipher.final();
  sealed.set(cipher.getAuthTag(), sealNonceBytes + clear.length);
  return sealed;
}

/** Opens a piece within its own buffer, which is spent; undefined when the seal does not hold here. */
export function openPiece(key: SealKey, place: SealPlace, sealed: Uint8Array): Uint8Array | undefined {
  if (sealed.length <= sealBytes) return undefined;
  const nonce = sealed.slice(0, sealNonceBytes);
  const clear = sealed.subarray(sealNonceBytes, sealed.length - sealTagBytes);
  const cipher = createDecipheriv(cipherName, key.content, nonce, { authTagLength: sealTagBytes })
    .setAAD(boundBytes(place))
    .setAuthTag(sealed.subarray(sealed.length - sealTagBytes));
  run(cipher, clear, clear);
  try {
    cipher.final();
    return clear;
  } catch {
    clear.fill(0);
    return undefined;
  }
}

/**
 * Runs the cipher over `from` into `to`, which may be the same. Each step's output is let go of at once:
 * left to the collector, its memory would be new to the processor every time, at twice the cost of the
 * cipher itself.
 */
function run(cipher: Cipheriv | Decipheriv, from: Uint8Array, to: Uint8Array): void {
  for (let at = 0; at < from.length; at += stepBytes) {
    const made = cipher.update(from.subarray(at, at + stepBytes));
    to.set(made, at);
    made.buffer.transfer(0);
  }
}

/** What a seal binds, in one form and length. */
function boundBytes({ task, index, pieceBytes, lengthBytes }: SealPlace): Uint8Array {
  const bytes = Buffer.alloc(32 + 4 + 4 + 8);
  assert(bytes.write(task, "hex") === 32, "a task's id is 64 hex digits");
  bytes.writeUInt32BE(index, 32);
  bytes.writeUInt32BE(pieceBytes, 36);
  bytes.writeBigUInt64BE(lengthBytes === undefined ? unknownLength : BigInt(lengthBytes), 40);
  return bytes;
}
