/**
 * A user's output as a port: what lies at a path, a partial file beside it, and the final name.
 *
 * 1. No link at an output's or a partial file's path is ever followed.
 * 2. A partial file is a regular file of this user with one name, or it is not used.
 * 3. A final name is given in one step; without `replace` nothing that exists is lost.
 * 4. Two processes never write one partial file.
 *
 * Failures are DarnerErrors: `output.exists`, `output.not-writable`, `disk.full`, `disk.failed`.
 */

import type { DiskFile } from "./disk.ts";

/** `stream`: a pipe, a terminal, a socket or a device: it takes bytes in order and has no length. */
export type OutputKind = "missing" | "file" | "directory" | "link" | "stream";

export interface OutputLook {
  readonly kind: OutputKind;
  readonly sizeBytes: number;
  /** Permission bits, for a replacement to keep. */
  readonly permissions: number;
  /** The same text for two names of one file. */
  readonly identity: string;
}

/** Takes bytes in order and waits while its reader is slow. */
export interface ByteSink {
  /** Rejects with `interrupted` when the reader is gone. */
  write(bytes: Uint8Array): Promise<void>;
  /** Resolves when all has been handed over. Harmless when closed already. */
  close(): Promise<void>;
}

export interface OutputFiles {
  /** Follows links only below /dev, where they name the process's own streams. */
  look(path: string): Promise<OutputLook>;
  /** Opens for reading and writing, made when missing; `permissions` apply to a new file, under the umask. */
  openPart(path: string, permissions: number): Promise<DiskFile>;
  /** Keeps other processes from the same partial file until released or this process ends. */
  lock(part: DiskFile): Promise<{ release(): void }>;
  /** Gives `part`, open as `file`, its final name. Throws `output.exists` when `to` exists and not `replace`. */
  publish(file: DiskFile, part: string, to: string, replace: boolean): Promise<void>;
  /**
   * All of a small file, by way of a partial file that must not be there yet. False, with nothing left
   * behind, when it or the final name is there, or this place needs the ordinary way. Blocks for microseconds.
   */
  writeWhole(part: string, to: string, bytes: Uint8Array, modifiedMs: number | undefined): boolean;
  setModified(file: DiskFile, modifiedMs: number): Promise<void>;
  setPermissions(file: DiskFile, permissions: number): Promise<void>;
  remove(path: string): Promise<void>;
  makeDirectory(path: string): Promise<void>;
  freeBytes(path: string): Promise<number>;
  /** Opens a pipe or a device for writing; `-` is the standard output. */
  openSink(path: string, signal: AbortSignal): Promise<ByteSink>;
  /** A whole text, at most `bytesMax`; `-` is the standard input. Follows links, since nothing is written. */
  readText(path: string, bytesMax: number): Promise<string>;
}
