/**
 * The few calls of the system that Node has no word for, as a port. They save most of the CPU that
 * moving bytes costs; what cannot be had is chosen at start (`available`), and every caller has a
 * plain way beside it. No call here throws for a socket that is gone: the caller meets the error or
 * the `close` on the socket's normal path. Each call blocks the loop for as long as the system takes.
 */

import type { Socket } from "node:net";

/** More than a download's two, fewer than would let one message use up the process's descriptors. */
export const descriptorsMax = 8;
/** Bytes that may travel beside descriptors, in one message. */
export const messageBytesMax = 4096;

/** A slice small enough to be read in passing. */
export const cachedBytesMax = 4096;

export type ReceivedDescriptors =
  /** The descriptors are the caller's to close; there may be none. */
  | { readonly kind: "received"; readonly bytes: Uint8Array; readonly descriptors: number[] }
  /** Nothing is there yet. */
  | { readonly kind: "again" }
  /** The peer ended, failed, or sent more descriptors than allowed (none of those stays open). */
  | { readonly kind: "closed" };

export interface PeerCredentials {
  readonly pid: number;
  readonly uid: number;
  readonly gid: number;
}

export interface Native {
  /** False where nothing below does anything: no FFI, another system than Linux, or DARNER_NATIVE=off. */
  readonly available: boolean;
  /**
   * SO_RCVLOWAT: wake us only when so many bytes are there, or the end. Fewer that remain stall for
   * ever, so: 1 before a request, then at most the bytes that are still to come. Call only on change.
   */
  setReceiveLowWater(socket: Socket, bytes: number): void;
  /** TCP_NOTSENT_LOWAT: how many unsent bytes the kernel may queue, so that what goes next is decided late. */
  setUnsentLowWater(socket: Socket, bytes: number): void;
  /** TCP_USER_TIMEOUT: what is not acknowledged for so long, a keep-alive probe included, ends the connection. */
  setVanishedTimeout(socket: Socket, timeoutMs: number): void;
  /**
   * TCP_INFO: the shortest round trip to the other side that the kernel has seen in the last minutes, in
   * ms; the handshake is one, so that a busy program on either side does not count. Undefined where unknown.
   */
  roundTripMs(socket: Socket): number | undefined;
  /**
   * One sendfile(2) of at most `count` bytes: how many were taken, 0 at the file's end, -1 when the
   * socket takes none now, is gone or fails. Only while `socket.writableLength` is 0, else bytes
   * overtake each other; never on a TLS socket. What is queued are references to the file's pages.
   */
  sendFile(socket: Socket, fileDescriptor: number, position: number, count: number): number;
  /** Whether the byte at `position` can be read without waiting for a disk; false where nobody can tell. */
  isCached(fileDescriptor: number, position: number): boolean;
  /** Up to `cachedBytesMax` bytes that can be had without waiting for a disk; undefined when not all can. */
  readCached(fileDescriptor: number, position: number, count: number): Uint8Array | undefined;
  /**
   * SCM_RIGHTS over a unix socket: one message of 1 to `messageBytesMax` bytes and up to
   * `descriptorsMax` descriptors, which stay open here too. False when the system did not take it.
   */
  sendDescriptors(socket: Socket, bytes: Uint8Array, descriptors: readonly number[]): boolean;
  /**
   * Takes at most `bytesMax` bytes (up to `messageBytesMax`) and the descriptors beside them from a
   * unix socket that Node does not read, without waiting. Only for sockets of a server with
   * `pauseOnConnect`: whoever else reads, throws the descriptors away.
   */
  receiveDescriptors(socket: Socket, bytesMax: number): ReceivedDescriptors;
  /** Sets aside space for a run of a file, which becomes at least as long as its end. Blocks some 3 ms a GiB. */
  takeSpace(fileDescriptor: number, position: number, count: number): "taken" | "full" | "unsupported";
  /** Gives a run's space back: it reads as zeros. False where the file system cannot. */
  punchHole(fileDescriptor: number, position: number, count: number): boolean;
  /** FICLONE: `to` becomes what `from` is and shares its space until one changes. False where that cannot be. */
  cloneFile(to: number, from: number): boolean;
  /** SO_PEERCRED: who connected to (or listens on) the other end of a unix socket, as the kernel saw it then. */
  peerCredentials(socket: Socket): PeerCredentials | undefined;
}

/** Does nothing; for machines without FFI and for tests of the plain ways. */
export const absentNative: Native = {
  available: false,
  setReceiveLowWater() {},
  setUnsentLowWater() {},
  setVanishedTimeout() {},
  roundTripMs: () => undefined,
  sendFile: () => -1,
  isCached: () => false,
  readCached: () => undefined,
  sendDescriptors: () => false,
  receiveDescriptors: () => ({ kind: "closed" }),
  takeSpace: () => "unsupported",
  punchHole: () => false,
  cloneFile: () => false,
  peerCredentials: () => undefined,
};
