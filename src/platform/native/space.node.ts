/**
 * Space of files: fallocate(2) and the FICLONE request of ioctl_ficlone(2). A file system that does not
 * know one of them says so at once; those that would ask a server or a program are not to be asked
 * here, since a call blocks the loop (disk.node.ts decides).
 */

import { errno, type Libc } from "./libc.node.ts";

const FALLOC_FL_KEEP_SIZE = 1;
const FALLOC_FL_PUNCH_HOLE = 2;
const FICLONE = 0x40049409n;

export type SpaceTaken = "taken" | "full" | "unsupported";

export function takeSpace(libc: Libc, fd: number, position: number, count: number): SpaceTaken {
  if (libc.fallocate(fd, 0, BigInt(position), BigInt(count)) === 0) return "taken";
  const failure = libc.errno();
  return failure === errno.noSpace || failure === errno.overQuota ? "full" : "unsupported";
}

export function punchHole(libc: Libc, fd: number, position: number, count: number): boolean {
  return libc.fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, BigInt(position), BigInt(count)) === 0;
}

export function cloneFile(libc: Libc, to: number, from: number): boolean {
  return libc.ioctl(to, FICLONE, BigInt(from)) === 0;
}
