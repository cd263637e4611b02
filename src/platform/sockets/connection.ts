/**
 * A connection between two Darner processes as a port: made by an HTTP/1.1 upgrade, from then on a
 * stream of frames. The side that dialled receives pieces straight into their buffers (a ReadSink);
 * the side that accepted receives only small frames and sends files.
 */

import type { Member, MemberRole } from "#core/model/mod.ts";
import type { DiskFile } from "../files/disk.ts";

/** Paces bytes: go on only while not `blocked`, in steps of at most `chunkBytesMax`. */
export interface Gate {
  readonly blocked: boolean;
  readonly chunkBytesMax: number;
  charge(bytes: number): void;
  ready(): Promise<void>;
}

/**
 * Where received bytes go. All state must be final before `filled` returns: the next buffer is asked
 * for at once, also while the connection is paused.
 */
export interface ReadSink {
  /** A buffer that is not empty; the next bytes are written to its start. */
  nextBuffer(): Uint8Array;
  /** `count` bytes came into the last buffer. */
  filled(count: number): void;
  /** How many bytes must be there before reading is worth while; 1 for heads. Only a hint. */
  lowWaterBytes(): number;
}

export interface Connection {
  /** Host and port of the other side, for logs. */
  readonly remote: string;
  readonly closed: boolean;
  /** The shortest round trip of late, as the kernel has it; undefined where that can't be had. */
  readonly roundTripMs: number | undefined;
  /** Queues bytes; small sends of one turn leave in one system call. */
  send(bytes: Uint8Array): void;
  /** Bytes that the kernel has not taken yet. */
  readonly queuedBytes: number;
  /**
   * Sends `head`, then `count` bytes of `file` from `position`; resolves when the kernel has taken
   * them all, rejects when the connection breaks or the file is shorter. One at a time.
   */
  sendFile(head: Uint8Array, file: DiskFile, position: number, count: number, gate: Gate): Promise<void>;
  pause(): void;
  resume(): void;
  /** Ends the connection; `onClose` follows. */
  close(): void;
}

export interface ConnectionHandlers {
  /** Only for accepted connections. The bytes are the handler's to keep. */
  onBytes?(bytes: Uint8Array): void;
  /** Called once. */
  onClose(reason: string): void;
}

export interface DialOptions {
  readonly host: string;
  readonly port: number;
  /** Path of the upgrade, such as `/pieces`. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly timeoutMs: number;
  /**
   * A machine that is gone without a word is noticed after so long, by its kernel's silence: a process that
   * is merely busy is not taken for gone. Only a hint: where it can't be had nothing is noticed so.
   */
  readonly vanishedMs?: number;
  /** Over TLS, to a member of this role and no other. */
  readonly secureTo?: MemberRole | undefined;
}

/** The other side's answer to the upgrade. */
export interface Dialled {
  readonly connection: Connection;
  /** Who it is, where TLS has proved it. */
  readonly member: Member | undefined;
  readonly headers: Readonly<Record<string, string>>;
}

export interface Dialler {
  /** Opens and upgrades. With `sink` the bytes go there, else to `handlers.onBytes`. Throws network.*, cluster.*. */
  dial(options: DialOptions, handlers: ConnectionHandlers, sink?: ReadSink): Promise<Dialled>;
}
