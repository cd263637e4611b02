/**
 * Hashing. It is a pure function of its input, so it needs no simulated twin; it lives here because
 * only the platform may name `node:crypto`, which is loaded at the first digest: a dfget at a running
 * daemon makes none, and loading it takes as long as a fifth of a bare Node's start.
 */

import type * as Crypto from "node:crypto";

let loaded: typeof Crypto | undefined;
const crypto = (): typeof Crypto => (loaded ??= process.getBuiltinModule("node:crypto"));

export type DigestAlgorithm = "sha256" | "sha512" | "md5";

/** SHA-256 of `bytes`, 32 bytes. Blocks for 0.6 ms a MiB, so callers keep to pieces. */
export function sha256(bytes: Uint8Array): Uint8Array {
  return Buffer.from(crypto().hash("sha256", bytes, "hex"), "hex");
}

export function sha256Hex(bytes: Uint8Array | string): string {
  return crypto().hash("sha256", bytes, "hex");
}

export interface StreamingDigest {
  update(bytes: Uint8Array): void;
  /** The digest as lower-case hex; the object is spent afterwards. */
  hex(): string;
}

export function streamingDigest(algorithm: DigestAlgorithm): StreamingDigest {
  const running = crypto().createHash(algorithm);
  return {
    update: (bytes) => void running.update(bytes),
    hex: () => running.digest("hex"),
  };
}
