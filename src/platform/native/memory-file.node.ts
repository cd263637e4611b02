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
/** What held until then: good enough until the file system has told anew. */
let outdated = new Map<number, boolean>();
let rememberedSinceMs = -Infinity;

export function isMemoryFile(fileDescriptor: number): boolean {
  const nowMs = performance.now();
  if (nowMs - rememberedSinceMs > rememberedMs) {
    outdated = nowMs - rememberedSinceMs > 2 * rememberedMs ? new Map() : remembered;
    remembered = new Map();
    rememberedSinceMs = nowMs;
  }
  if (!remembered.has(fileDescriptor)) askFileSystem(fileDescriptor, remembered);
  return remembered.get(fileDescriptor)!;
}

/** By the descriptor, which may be another process's gift from a mount that this one does not see. */
function askFileSystem(fileDescriptor: number, answers: Map<number, boolean>): void {
  answers.set(fileDescriptor, outdated.get(fileDescriptor) ?? false);
  fs.statfs(`/proc/self/fd/${fileDescriptor}`, (error, found) => {
    if (error === null) answers.set(fileDescriptor, memoryTypes.has(found.type));
  });
}
