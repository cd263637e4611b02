/** Small words about runs of bytes: comparing, joining, and their text forms. */

export function bytesEqual(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  for (let index = 0; index < a.length; index++) if (a[index] !== b[index]) return false;
  return true;
}

/** Whether all are zeros: the first is, and each is as the one before it. */
export function isZeros(bytes: Uint8Array): boolean {
  if (bytes.length === 0 || bytes[0] !== 0) return bytes.length === 0;
  return Buffer.compare(bytes.subarray(1), bytes.subarray(0, -1)) === 0;
}

export function bytesJoin(parts: readonly Uint8Array[]): Uint8Array {
  let length = 0;
  for (const part of parts) length += part.length;
  const joined = new Uint8Array(length);
  let offset = 0;
  for (const part of parts) {
    joined.set(part, offset);
    offset += part.length;
  }
  return joined;
}

const encoder = new TextEncoder();

/** Writes each part behind its length in four bytes, so that no two lists of parts look alike. */
export function bytesWithLengths(parts: readonly (string | Uint8Array)[]): Uint8Array {
  let most = 0;
  // A character is at most three bytes of UTF-8.
  for (const part of parts) most += 4 + (typeof part === "string" ? 3 * part.length : part.length);
  const into = new Uint8Array(most);
  const view = new DataView(into.buffer);
  let end = 0;
  for (const part of parts) {
    const start = end + 4;
    if (typeof part === "string") end = start + encoder.encodeInto(part, into.subarray(start)).written;
    else {
      into.set(part, start);
      end = start + part.length;
    }
    view.setUint32(start - 4, end - start);
  }
  return into.subarray(0, end);
}
