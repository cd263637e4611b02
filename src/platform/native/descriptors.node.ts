/**
 * Open descriptors through a unix socket: sendmsg(2), recvmsg(2) with SCM_RIGHTS, and SO_PEERCRED.
 * The structures lie in the C library's block of memory one behind the other (cmsg(3), recvmsg(2)):
 *
 *     0   iovec    base, length                        16 bytes
 *     16  msghdr   name, its length, iovec, 1,
 *                  control, its length, flags          56 bytes
 *     72  control  cmsghdr: length, level, type        16 bytes, then four a descriptor
 *     120 ucred    pid, uid, gid, then its length      16 bytes
 *     136 the message's bytes                          up to messageBytesMax
 *
 * The control part has room for `descriptorsMax` descriptors and no more: the kernel closes the
 * others and sets MSG_CTRUNC, and then none is kept.
 */

import * as fs from "node:fs";
import { assert } from "#base/mod.ts";
import { descriptorsMax, messageBytesMax } from "./calls.ts";
import type { PeerCredentials, ReceivedDescriptors } from "./calls.ts";
import { errno, type Libc } from "./libc.node.ts";

const headerAt = 16;
const controlAt = 72;
const controlHeadBytes = 16;
const controlBytes = controlHeadBytes + 4 * descriptorsMax;
const credentialsAt = 120;
const bytesAt = 136;

const SOL_SOCKET = 1;
const SO_PEERCRED = 17;
const SCM_RIGHTS = 1;
const MSG_CTRUNC = 0x8;
const MSG_DONTWAIT = 0x40;
const MSG_NOSIGNAL = 0x4000;
const MSG_CMSG_CLOEXEC = 0x40000000;

export function sendDescriptors(libc: Libc, fd: number, bytes: Uint8Array, descriptors: readonly number[]): boolean {
  assert(bytes.length > 0 && bytes.length <= messageBytesMax, "a message with descriptors has 1 to 4096 bytes");
  assert(descriptors.length <= descriptorsMax, "a message carries at most 8 descriptors");
  const { memory } = libc;
  const usedBytes = descriptors.length === 0 ? 0 : controlHeadBytes + 4 * descriptors.length;
  layHeader(libc, bytes.length, align(usedBytes));
  new Uint8Array(memory.buffer, bytesAt, bytes.length).set(bytes);
  new Uint8Array(memory.buffer, controlAt, controlBytes).fill(0);
  memory.setBigUint64(controlAt, BigInt(usedBytes), true);
  memory.setInt32(controlAt + 8, SOL_SOCKET, true);
  memory.setInt32(controlAt + 12, SCM_RIGHTS, true);
  for (const [index, descriptor] of descriptors.entries()) {
    memory.setInt32(controlAt + controlHeadBytes + 4 * index, descriptor, true);
  }
  const sent = libc.sendmsg(fd, libc.address + BigInt(headerAt), MSG_DONTWAIT | MSG_NOSIGNAL);
  return sent === BigInt(bytes.length);
}

export function receiveDescriptors(libc: Libc, fd: number, bytesMax: number): ReceivedDescriptors {
  assert(bytesMax > 0 && bytesMax <= messageBytesMax, "a message with descriptors has 1 to 4096 bytes");
  const { memory } = libc;
  layHeader(libc, bytesMax, controlBytes);
  const count = Number(libc.recvmsg(fd, libc.address + BigInt(headerAt), MSG_DONTWAIT | MSG_CMSG_CLOEXEC));
  if (count < 0) {
    const failure = libc.errno();
    return { kind: failure === errno.again || failure === errno.interrupted ? "again" : "closed" };
  }
  const descriptors = readControl(memory);
  const truncated = (memory.getInt32(headerAt + 48, true) & MSG_CTRUNC) !== 0;
  if (count === 0 || truncated) {
    for (const descriptor of descriptors) closeDescriptor(descriptor);
    return { kind: "closed" };
  }
  return { kind: "received", bytes: new Uint8Array(memory.buffer.slice(bytesAt, bytesAt + count)), descriptors };
}

export function peerCredentials(libc: Libc, fd: number): PeerCredentials | undefined {
  const { memory, address } = libc;
  const lengthAt = credentialsAt + 12;
  memory.setUint32(lengthAt, 12, true);
  const failed = libc.getsockopt(
    fd,
    SOL_SOCKET,
    SO_PEERCRED,
    address + BigInt(credentialsAt),
    address + BigInt(lengthAt),
  );
  const pid = memory.getInt32(credentialsAt, true);
  // A socket that is no unix socket answers with pid 0 and ids of -1.
  if (failed !== 0 || memory.getUint32(lengthAt, true) !== 12 || pid === 0) return undefined;
  return { pid, uid: memory.getUint32(credentialsAt + 4, true), gid: memory.getUint32(credentialsAt + 8, true) };
}

/** In the pool: closing another user's file may wait for that user's file system. */
export function closeDescriptor(descriptor: number): void {
  fs.close(descriptor, () => {});
}

function layHeader({ memory, address }: Libc, bytesLength: number, controlLength: number): void {
  memory.setBigUint64(0, address + BigInt(bytesAt), true);
  memory.setBigUint64(8, BigInt(bytesLength), true);
  memory.setBigUint64(headerAt, 0n, true);
  memory.setBigUint64(headerAt + 8, 0n, true);
  memory.setBigUint64(headerAt + 16, address, true);
  memory.setBigUint64(headerAt + 24, 1n, true);
  memory.setBigUint64(headerAt + 32, controlLength === 0 ? 0n : address + BigInt(controlAt), true);
  memory.setBigUint64(headerAt + 40, BigInt(controlLength), true);
  memory.setBigUint64(headerAt + 48, 0n, true);
}

function readControl(memory: DataView): number[] {
  const descriptors: number[] = [];
  const end = controlAt + Math.min(Number(memory.getBigUint64(headerAt + 40, true)), controlBytes);
  for (let at = controlAt; at + controlHeadBytes <= end;) {
    const lengthBytes = Number(memory.getBigUint64(at, true));
    if (lengthBytes < controlHeadBytes) break;
    const holdsRights = memory.getInt32(at + 8, true) === SOL_SOCKET && memory.getInt32(at + 12, true) === SCM_RIGHTS;
    const partEnd = Math.min(at + lengthBytes, end);
    for (let next = at + controlHeadBytes; holdsRights && next + 4 <= partEnd; next += 4) {
      descriptors.push(memory.getInt32(next, true));
    }
    at += align(lengthBytes);
  }
  return descriptors;
}

function align(bytes: number): number {
  return (bytes + 7) & ~7;
}
