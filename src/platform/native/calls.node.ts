/**
 * The native calls on Linux. The descriptor's number is looked up in the socket's handle before
 * every call and never kept: a closed socket's number is soon another's.
 *
 * Counts and positions go as 64-bit integers, as C declares them; a shorter type would leave the
 * upper half of a register to chance.
 */

import type { Socket } from "node:net";
import { assert } from "#base/mod.ts";
import { absentNative, cachedBytesMax, type Native } from "./calls.ts";
import { peerCredentials, receiveDescriptors, sendDescriptors } from "./descriptors.node.ts";
import { errno, openLibc, type Libc } from "./libc.node.ts";
import { isMemoryFile } from "./memory-file.node.ts";
import { cloneFile, punchHole, takeSpace } from "./space.node.ts";

const SOL_SOCKET = 1;
const SO_RCVLOWAT = 18;
const IPPROTO_TCP = 6;
const TCP_NOTSENT_LOWAT = 25;
const TCP_USER_TIMEOUT = 18;
const TCP_INFO = 11;
/** Of linux/tcp.h's struct tcp_info, up to and with `tcpi_min_rtt`, in microseconds; since Linux 4.6. */
const tcpInfoBytes = 152;
const minRttAt = 148;
const noRtt = 0xffffffff;
const RWF_NOWAIT = 8;
/** What the kernel takes at most in one call. */
const sendFileBytesMax = 0x7ffff000;
/** Where in the block a read's bytes go, behind its iovec. */
const bytesAt = 16;

/** The real calls, or the absent ones where these cannot be had. */
export function loadNative(): Native {
  if (process.env["DARNER_NATIVE"] === "off") return absentNative;
  const libc = openLibc();
  return libc === undefined ? absentNative : new LinuxNative(libc);
}

class LinuxNative implements Native {
  readonly available = true;
  readonly #libc: Libc;

  constructor(libc: Libc) {
    this.#libc = libc;
  }

  setReceiveLowWater(socket: Socket, bytes: number): void {
    this.#setOption(socket, SOL_SOCKET, SO_RCVLOWAT, bytes);
  }

  setUnsentLowWater(socket: Socket, bytes: number): void {
    this.#setOption(socket, IPPROTO_TCP, TCP_NOTSENT_LOWAT, bytes);
  }

  setVanishedTimeout(socket: Socket, timeoutMs: number): void {
    this.#setOption(socket, IPPROTO_TCP, TCP_USER_TIMEOUT, timeoutMs);
  }

  roundTripMs(socket: Socket): number | undefined {
    const fd = descriptorOf(socket);
    if (fd < 0) return undefined;
    const { memory, address } = this.#libc;
    memory.setUint32(tcpInfoBytes, tcpInfoBytes, true);
    const failed = this.#libc.getsockopt(fd, IPPROTO_TCP, TCP_INFO, address, address + BigInt(tcpInfoBytes));
    if (failed !== 0 || memory.getUint32(tcpInfoBytes, true) < tcpInfoBytes) return undefined;
    const microseconds = memory.getUint32(minRttAt, true);
    return microseconds === noRtt ? undefined : microseconds / 1000;
  }

  sendFile(socket: Socket, fileDescriptor: number, position: number, count: number): number {
    assert(!("encrypted" in socket), "clear bytes never overtake TLS");
    assert(count > 0 && count <= sendFileBytesMax && position >= 0, "sendfile has a place and a number of bytes");
    const fd = descriptorOf(socket);
    if (fd < 0) return -1;
    const { memory, address } = this.#libc;
    memory.setBigInt64(0, BigInt(position), true);
    return Number(this.#libc.sendfile(fd, fileDescriptor, address, BigInt(count)));
  }

  isCached(fileDescriptor: number, position: number): boolean {
    return this.#read(fileDescriptor, position, 1, RWF_NOWAIT) >= 0 || this.#neverWaits(fileDescriptor);
  }

  readCached(fileDescriptor: number, position: number, count: number): Uint8Array | undefined {
    assert(count > 0 && count <= cachedBytesMax, "what is read at once fits into the block");
    let came = this.#read(fileDescriptor, position, count, RWF_NOWAIT);
    if (came < 0 && this.#neverWaits(fileDescriptor)) came = this.#read(fileDescriptor, position, count, 0);
    if (came < count) return undefined;
    return new Uint8Array(this.#libc.memory.buffer.slice(bytesAt, bytesAt + count));
  }

  /** After a read that was not to wait has failed: this file system knows no such reads, since all of it is memory. */
  #neverWaits(fileDescriptor: number): boolean {
    if (this.#libc.preadv2 === undefined) return false;
    return this.#libc.errno() === errno.notSupported && isMemoryFile(fileDescriptor);
  }

  /** How many bytes came; -1 when none could. */
  #read(fileDescriptor: number, position: number, count: number, flags: number): number {
    const { memory, address, preadv2 } = this.#libc;
    if (preadv2 === undefined) return -1;
    memory.setBigUint64(0, address + BigInt(bytesAt), true);
    memory.setBigUint64(8, BigInt(count), true);
    return Number(preadv2(fileDescriptor, address, 1, BigInt(position), flags));
  }

  sendDescriptors(socket: Socket, bytes: Uint8Array, descriptors: readonly number[]): boolean {
    const fd = descriptorOf(socket);
    return fd >= 0 && sendDescriptors(this.#libc, fd, bytes, descriptors);
  }

  receiveDescriptors(socket: Socket, bytesMax: number): ReturnType<Native["receiveDescriptors"]> {
    const fd = descriptorOf(socket);
    return fd < 0 ? { kind: "closed" } : receiveDescriptors(this.#libc, fd, bytesMax);
  }

  takeSpace(fileDescriptor: number, position: number, count: number): ReturnType<Native["takeSpace"]> {
    return takeSpace(this.#libc, fileDescriptor, position, count);
  }

  punchHole(fileDescriptor: number, position: number, count: number): boolean {
    return punchHole(this.#libc, fileDescriptor, position, count);
  }

  cloneFile(to: number, from: number): boolean {
    return cloneFile(this.#libc, to, from);
  }

  peerCredentials(socket: Socket): ReturnType<Native["peerCredentials"]> {
    const fd = descriptorOf(socket);
    return fd < 0 ? undefined : peerCredentials(this.#libc, fd);
  }

  /** A refusal costs speed, never bytes. */
  #setOption(socket: Socket, level: number, option: number, value: number): void {
    assert(Number.isInteger(value) && value > 0 && value <= 0x7fffffff, "an option is a positive number");
    const fd = descriptorOf(socket);
    if (fd < 0) return;
    const { memory, address } = this.#libc;
    memory.setInt32(0, value, true);
    this.#libc.setsockopt(fd, level, option, address, 4);
  }
}

/** Undocumented, yet the same for ten years; -1 once the socket is gone. */
function descriptorOf(socket: Socket): number {
  const { _handle: handle } = socket as { _handle?: { readonly fd?: number } | null };
  return handle?.fd ?? -1;
}
