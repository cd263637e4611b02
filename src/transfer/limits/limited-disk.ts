/** Large disk operations under a limit: cut into chunks, each charged as it begins. */

import type { DiskFile } from "#platform/files/disk.ts";
import type { Limiter } from "./limiter.ts";

/** Like `DiskFile.read`: returns how many bytes came, fewer than asked only at the end of the file. */
export async function limitedRead(
  limiter: Limiter,
  file: DiskFile,
  into: Uint8Array,
  position: number,
): Promise<number> {
  let filled = 0;
  while (filled < into.length) {
    const chunk = await nextChunk(limiter, into, filled);
    const count = await file.read(chunk, position + filled);
    filled += count;
    if (count < chunk.length) break;
  }
  return filled;
}

/** Like `DiskFile.write`: all of `bytes`. */
export async function limitedWrite(
  limiter: Limiter,
  file: DiskFile,
  bytes: Uint8Array,
  position: number,
): Promise<void> {
  for (let written = 0; written < bytes.length;) {
    const chunk = await nextChunk(limiter, bytes, written);
    await file.write(chunk, position + written);
    written += chunk.length;
  }
}

/** Waits for the limiter, then takes and charges what may pass at once: all the rest where nothing limits. */
async function nextChunk(limiter: Limiter, bytes: Uint8Array, offset: number): Promise<Uint8Array> {
  while (limiter.blocked) await limiter.ready();
  const limited = limiter.rateBytesPerSecond !== Infinity;
  const chunk = bytes.subarray(offset, limited ? offset + limiter.chunkBytesMax : bytes.length);
  limiter.charge(chunk.length);
  return chunk;
}
