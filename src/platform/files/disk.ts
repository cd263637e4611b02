/**
 * The disk as a port: files opened once and used by position. Every failure is a DarnerError
 * (`disk.full`, `disk.failed`, `output.not-writable`) that names the action and the file.
 *
 * A recording or simulated disk can stand in, so nothing here exposes more than the store needs.
 */

export interface FileIdentity {
  readonly device: bigint;
  readonly inode: bigint;
  readonly sizeBytes: number;
  /** What it takes on the disk; less than its size where it has holes, more where space is set aside. */
  readonly spaceBytes: number;
  readonly modifiedNs: bigint;
  readonly changedNs: bigint;
  /** How many names the file has; 0 once it is deleted. */
  readonly links: number;
  /** It is neither a directory nor a pipe nor a device. */
  readonly isRegular: boolean;
}

export interface DiskFile {
  /** For messages only. */
  readonly name: string;
  /** The operating system's descriptor, or -1 where there is none (simulated disks). */
  readonly descriptor: number;
  /** Reads up to `into.length` bytes at `position`; fewer only at the end of the file. */
  read(into: Uint8Array, position: number): Promise<number>;
  /** Writes all of `bytes` at `position`. */
  write(bytes: Uint8Array, position: number): Promise<void>;
  truncate(lengthBytes: number): Promise<void>;
  /**
   * Sets aside space for the first `lengthBytes`, which the file has already, where the file system
   * can; elsewhere looks whether they would fit. Throws `disk.full`.
   */
  allocate(lengthBytes: number): Promise<void>;
  /**
   * Makes a run within the file read as zeros, without storing them where the file system need not.
   * `isBlank`: nothing has been written there since the file was empty.
   */
  clear(position: number, count: number, isBlank: boolean): Promise<void>;
  /** Becomes what `source` is and shares its space until one changes; false where that cannot be. */
  cloneFrom(source: DiskFile): Promise<boolean>;
  identity(): Promise<FileIdentity>;
  close(): Promise<void>;
}

export type OpenMode =
  /** Must exist; reading only. */
  | "read"
  /** Must exist; reading and writing. */
  | "update"
  /** Created when missing, kept when there; reading and writing. */
  | "keep"
  /** Must not exist yet; reading and writing. Never follows a link. */
  | "create";

export interface Disk {
  open(path: string, mode: OpenMode, options?: { readonly permissions?: number }): Promise<DiskFile>;
  /** Takes over an open descriptor that another process passed; `name` is for messages. */
  adopt(descriptor: number, name: string): DiskFile;
  /** Creates the directory and its parents; fine when it exists. */
  makeDirectory(path: string, options?: { readonly permissions?: number }): Promise<void>;
  /** Names in a directory, sorted; empty when the directory is missing. */
  list(path: string): Promise<string[]>;
  /** Bytes and links of a file, or undefined when it is missing. Follows no link. */
  stat(path: string): Promise<FileIdentity | undefined>;
  /** Sets the time of change of a file; follows no link. */
  setModified(path: string, modifiedMs: number): Promise<void>;
  /** Replaces `to` when it is there. */
  rename(from: string, to: string): Promise<void>;
  /** Removes a file; fine when it is missing. */
  remove(path: string): Promise<void>;
  /** Removes a directory and all in it; fine when it is missing. */
  removeTree(path: string): Promise<void>;
  /** Bytes free for this user on the file system of `path`. */
  freeBytes(path: string): Promise<number>;
}
