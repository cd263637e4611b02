/**
 * Bytes that follow from a seed and can be read at any offset without making those before.
 *
 * One block of 1 MiB is filled by xorshift32 (Marsaglia 2003); block n of the content is that block
 * with a word mixed from the seed and n laid over it, so that no two pieces are alike.
 */

import { createHash } from "node:crypto";

export interface Content {
  readonly sizeBytes: number;
  /** Bytes `start` to before `end`, both within the content. */
  read(start: number, end: number): Buffer;
}

const blockBytes = 1024 * 1024;

export function bytesContent(bytes: Uint8Array): Content {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return { sizeBytes: buffer.length, read: (start, end) => buffer.subarray(start, end) };
}

export function seededContent(sizeBytes: number, seed: number): Content {
  const block = filledBlock(seed);
  return {
    sizeBytes,
    read(start, end) {
      const firstWord = Math.floor(start / 4);
      const words = new Uint32Array(Math.ceil(end / 4) - firstWord);
      for (let done = 0; done < words.length;) done += layBlock(words, done, firstWord + done, block, seed);
      return Buffer.from(words.buffer, start - firstWord * 4, end - start);
    },
  };
}

/** Fills `words` from index `from` to the end of the block that `word` lies in; returns how many. */
function layBlock(words: Uint32Array, from: number, word: number, block: Uint32Array, seed: number): number {
  const mask = mixed(seed, Math.floor(word / block.length));
  const offset = word % block.length;
  const count = Math.min(words.length - from, block.length - offset);
  for (let index = 0; index < count; index++) words[from + index] = block[offset + index]! ^ mask;
  return count;
}

function filledBlock(seed: number): Uint32Array {
  const block = new Uint32Array(blockBytes / 4);
  let state = mixed(seed, 0x9e3779b9) || 1;
  for (let index = 0; index < block.length; index++) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    block[index] = state;
  }
  return block;
}

/** The finaliser of MurmurHash3. */
function mixed(a: number, b: number): number {
  let word = Math.imul(a ^ 0x85ebca6b, 0xcc9e2d51) ^ b;
  word = Math.imul(word ^ (word >>> 16), 0x85ebca6b);
  word = Math.imul(word ^ (word >>> 13), 0xc2b2ae35);
  return (word ^ (word >>> 16)) >>> 0;
}

export function contentDigest(content: Content, algorithm: string, encoding: "hex" | "base64" = "hex"): string {
  const running = createHash(algorithm);
  for (let start = 0; start < content.sizeBytes; start += blockBytes) {
    running.update(content.read(start, Math.min(start + blockBytes, content.sizeBytes)));
  }
  return running.digest(encoding);
}
