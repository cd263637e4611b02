/**
 * Which files live in memory. tmpfs and ramfs refuse the question whether a byte is cached, although
 * theirs always are; FUSE and network file systems refuse it too, and there the answer matters.
 * Nothing here asks the file system itself, which might wait: /proc tells the mount's type.
 */

import * as fs from "node:fs";

const memoryTypes: ReadonlySet<string> = new Set(["tmpfs", "ramfs", "devtmpfs"]);
/** A descriptor's number may be another file's a moment later; a wrong answer costs only time. */
const rememberedMs = 1000;
const remembered = new Map<number, boolean>();
let rememberedSinceMs = -Infinity;

export function isMemoryFile(fileDescriptor: number): boolean {
  const nowMs = performance.now();
  if (nowMs - rememberedSinceMs > rememberedMs) {
    remembered.clear();
    rememberedSinceMs = nowMs;
  }
  let answer = remembered.get(fileDescriptor);
  if (answer === undefined) remembered.set(fileDescriptor, (answer = askMount(fileDescriptor)));
  return answer;
}

/** proc(5): `mnt_id:` of fdinfo, then the line of mountinfo that begins with it; the type follows ` - `. */
function askMount(fileDescriptor: number): boolean {
  try {
    const information = fs.readFileSync(`/proc/self/fdinfo/${fileDescriptor}`, "latin1");
    const mount = /^mnt_id:\s*(\d+)$/m.exec(information)?.[1];
    if (mount === undefined) return false;
    const mounts = fs.readFileSync("/proc/self/mountinfo", "latin1");
    const line = `\n${mounts}`.split(`\n${mount} `, 2)[1]?.split("\n", 1)[0];
    const type = line?.split(" - ", 2)[1]?.split(" ", 1)[0];
    return type !== undefined && memoryTypes.has(type);
  } catch {
    return false;
  }
}
