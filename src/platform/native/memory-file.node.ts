/**
 * Which files live in memory. tmpfs and ramfs refuse the question whether a byte is cached, although
 * theirs always are; FUSE and network file systems refuse it too, and there the answer matters. The
 * file system is asked in the pool, since it might make us wait; until it has told, the answer is no.
 */

import * as fs from "node:fs";

/** statfs(2): TMPFS_MAGIC, RAMFS_MAGIC. */
const memoryTypes: ReadonlySet<number> = new Set([0x01021994, 0x858458f6]);
/** A descriptor's number may be another file's a moment later; a wrong answer costs only time. */
const rememberedMs = 1000;
let remembered = new Map<number, boolean>();
let rememberedSinceMs = -Infinity;

export function isMemoryFile(fileDescriptor: number): boolean {
  const nowMs = performance.now();
  if (nowMs - rememberedSinceMs > rememberedMs) {
    remembered = new Map();
    rememberedSinceMs = nowMs;
  }
  const known = remembered.get(fileDescriptor);
  if (known === undefined) askFileSystem(fileDescriptor, remembered);
  return known ?? false;
}

/** By the descriptor, which may be another process's gift from a mount that this one does not see. */
function askFileSystem(fileDescriptor: number, answers: Map<number, boolean>): void {
  answers.set(fileDescriptor, false);
  fs.statfs(`/proc/self/fd/${fileDescriptor}`, (error, found) => {
    if (error === null) answers.set(fileDescriptor, memoryTypes.has(found.type));
  });
}
