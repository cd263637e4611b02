/** Digests as OCI writes them: `sha256:HEX` or `sha512:HEX`, in lower case. */

/** Undefined for anything else. */
export function readImageDigest(text: string): string | undefined {
  return /^(?:sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128})$/.test(text) ? text : undefined;
}
