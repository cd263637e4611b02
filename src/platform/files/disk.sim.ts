/**
 * A disk in memory that remembers every change made to it, in order, so that a test can ask what a
 * machine would find that stopped: `replay(changes)` is a second disk that saw only these changes
 * (crashes.sim.ts chooses them).
 *
 * It behaves as the real disk does where the store can tell (test/conformance/disk.ts); it knows no
 * links and no rights. `before` runs ahead of each operation: it may wait, or throw a DarnerError.
 */

import { assert, DarnerError } from "#base/mod.ts";
import type { Disk, DiskFile, FileIdentity, OpenMode } from "./disk.ts";

export type DiskVerb = "open" | "read" | "write" | "truncate" | "look" | "list" | "rename" | "remove";

export interface SimDiskOptions {
  readonly capacityBytes?: number;
  readonly wallMs?: () => number;
  readonly before?: (verb: DiskVerb, path: string) => Promise<void> | void;
}

export type DiskChange =
  | { readonly kind: "directory"; readonly path: string }
  | { readonly kind: "create"; readonly path: string; readonly inode: number }
  | { readonly kind: "write"; readonly inode: number; readonly position: number; readonly bytes: Uint8Array }
  | { readonly kind: "truncate"; readonly inode: number; readonly lengthBytes: number }
  | { readonly kind: "rename"; readonly from: string; readonly to: string }
  | { readonly kind: "remove"; readonly path: string };

interface Inode {
  readonly number: number;
  bytes: Uint8Array;
  modifiedMs: number;
  links: number;
}

const isWithin = (path: string, directory: string): boolean => path === directory || path.startsWith(`${directory}/`);
const parentOf = (path: string): string => path.slice(0, Math.max(1, path.lastIndexOf("/")));

export class SimDisk implements Disk {
  readonly changes: DiskChange[] = [];
  readonly #options: SimDiskOptions;
  readonly #names = new Map<string, Inode>();
  readonly #inodes = new Map<number, Inode>();
  readonly #directories = new Set<string>(["/"]);
  #inodeLast = 0;

  constructor(options: SimDiskOptions = {}) {
    this.#options = options;
  }

  /** A disk that saw these changes of this one and no others; what needs a lost one is lost with it. */
  replay(changes: Iterable<DiskChange>): SimDisk {
    const { before: _, ...options } = this.#options;
    const disk = new SimDisk(options);
    for (const change of changes) if (disk.#isPossible(change)) disk.#apply(change);
    return disk;
  }

  #isPossible(change: DiskChange): boolean {
    if (change.kind === "create") return this.#directories.has(parentOf(change.path));
    if (change.kind === "write" || change.kind === "truncate") return this.#inodes.has(change.inode);
    return change.kind !== "rename" || this.#names.has(change.from);
  }

  /** The bytes of a file, for a test to look at or to spoil; undefined when it is missing. */
  bytesOf(path: string): Uint8Array | undefined {
    return this.#names.get(path)?.bytes;
  }

  async open(path: string, mode: OpenMode): Promise<DiskFile> {
    const verb = mode === "read" ? "open" : mode === "create" ? "create" : "open for writing";
    await this.#options.before?.("open", path);
    if (this.#directories.has(path)) throw refused(verb, path, "it is a directory");
    if (mode === "create" && this.#names.has(path))
      throw new DarnerError("disk.failed", `cannot create ${path}: it exists`);
    if (!this.#names.has(path)) {
      if (mode === "read" || mode === "update" || !this.#directories.has(parentOf(path)))
        throw refused(verb, path, "no such file or directory");
      this.#apply({ kind: "create", path, inode: ++this.#inodeLast });
    }
    return new SimFile(this.#operations, this.#names.get(path)!, path, mode === "read");
  }

  adopt(): DiskFile {
    assert(false, "a simulated disk has no descriptors");
  }

  async makeDirectory(path: string): Promise<void> {
    await this.#options.before?.("open", path);
    if (this.#names.has(path)) throw new DarnerError("disk.failed", `cannot make the directory ${path}: it is a file`);
    if (!this.#directories.has(path)) this.#apply({ kind: "directory", path });
  }

  async list(path: string): Promise<string[]> {
    await this.#options.before?.("list", path);
    const names = [...this.#names.keys(), ...this.#directories].filter(
      (name) => name !== "/" && parentOf(name) === path,
    );
    return names.map((name) => name.slice(name.lastIndexOf("/") + 1)).sort();
  }

  async stat(path: string): Promise<FileIdentity | undefined> {
    await this.#options.before?.("look", path);
    const inode = this.#names.get(path);
    if (inode !== undefined) return identityOf(inode);
    return this.#directories.has(path)
      ? identityOf({ number: 0, bytes: new Uint8Array(0), modifiedMs: 0, links: 1 })
      : undefined;
  }

  async setModified(path: string, modifiedMs: number): Promise<void> {
    await this.#options.before?.("look", path);
    const inode = this.#names.get(path);
    if (inode === undefined) throw refused("set the time of", path, "no such file or directory");
    inode.modifiedMs = modifiedMs;
  }

  async rename(from: string, to: string): Promise<void> {
    await this.#options.before?.("rename", from);
    if (!this.#names.has(from)) throw refused("rename", from, "no such file or directory");
    this.#apply({ kind: "rename", from, to });
  }

  async remove(path: string): Promise<void> {
    await this.#options.before?.("remove", path);
    if (this.#names.has(path)) this.#apply({ kind: "remove", path });
  }

  async removeTree(path: string): Promise<void> {
    await this.#options.before?.("remove", path);
    // One name after the other, as the real one does it: a crash may come between any two.
    for (const name of this.#names.keys()) if (isWithin(name, path)) this.#apply({ kind: "remove", path: name });
    const directories = [...this.#directories].filter((name) => isWithin(name, path));
    for (const name of directories.sort((a, b) => b.length - a.length)) this.#apply({ kind: "remove", path: name });
  }

  async freeBytes(path: string): Promise<number> {
    await this.#options.before?.("look", path);
    return this.#free;
  }

  get #free(): number {
    let used = 0;
    for (const inode of this.#inodes.values()) if (inode.links > 0) used += inode.bytes.length;
    return (this.#options.capacityBytes ?? 2 ** 40) - used;
  }

  readonly #operations: FileOperations = {
    before: async (verb, path) => await this.#options.before?.(verb, path),
    change: (change, path) => {
      const inode = this.#inodes.get(change.inode)!;
      const end = change.kind === "write" ? change.position + change.bytes.length : change.lengthBytes;
      if (change.kind === "write" && end - inode.bytes.length > this.#free) throw noSpace("write", path);
      this.#apply(change);
    },
    freeBytes: () => this.#free,
  };

  /** The only place that changes anything: live and after a crash alike. */
  #apply(change: DiskChange): void {
    this.changes.push(change);
    const nowMs = this.#options.wallMs?.() ?? this.changes.length;
    switch (change.kind) {
      case "directory":
        for (let path = change.path; path !== "/"; path = parentOf(path)) this.#directories.add(path);
        return;
      case "create": {
        const inode = { number: change.inode, bytes: new Uint8Array(0), modifiedMs: nowMs, links: 1 };
        this.#inodeLast = Math.max(this.#inodeLast, change.inode);
        this.#inodes.set(change.inode, inode);
        this.#names.set(change.path, inode);
        return;
      }
      case "write":
      case "truncate":
        return alter(this.#inodes.get(change.inode)!, change, nowMs);
      case "rename": {
        const inode = this.#names.get(change.from)!;
        this.#unlink(change.to);
        this.#names.delete(change.from);
        this.#names.set(change.to, inode);
        return;
      }
      case "remove":
        this.#unlink(change.path);
        this.#directories.delete(change.path);
    }
  }

  #unlink(path: string): void {
    const inode = this.#names.get(path);
    if (inode !== undefined) inode.links--;
    this.#names.delete(path);
  }
}

type FileChange = Extract<DiskChange, { kind: "write" | "truncate" }>;

function alter(inode: Inode, change: FileChange, nowMs: number): void {
  const lengthBytes =
    change.kind === "truncate"
      ? change.lengthBytes
      : Math.max(inode.bytes.length, change.bytes.length === 0 ? 0 : change.position + change.bytes.length);
  if (lengthBytes !== inode.bytes.length) {
    const resized = new Uint8Array(lengthBytes);
    resized.set(inode.bytes.subarray(0, lengthBytes));
    inode.bytes = resized;
  }
  if (change.kind === "write" && change.bytes.length > 0) inode.bytes.set(change.bytes, change.position);
  inode.modifiedMs = nowMs;
}

interface FileOperations {
  before(verb: DiskVerb, path: string): Promise<void>;
  change(change: FileChange, path: string): void;
  freeBytes(): number;
}

class SimFile implements DiskFile {
  readonly name: string;
  readonly descriptor = -1;
  readonly #operations: FileOperations;
  readonly #inode: Inode;
  readonly #readOnly: boolean;
  #closed = false;

  constructor(operations: FileOperations, inode: Inode, name: string, readOnly: boolean) {
    this.#operations = operations;
    this.#inode = inode;
    this.name = name;
    this.#readOnly = readOnly;
  }

  async read(into: Uint8Array, position: number): Promise<number> {
    await this.#begin("read");
    const found = this.#inode.bytes.subarray(position, position + into.length);
    into.set(found);
    return found.length;
  }

  async write(bytes: Uint8Array, position: number): Promise<void> {
    await this.#begin("write");
    if (this.#readOnly) throw new DarnerError("disk.failed", `cannot write ${this.name}: it is open for reading only`);
    const change = { kind: "write", inode: this.#inode.number, position, bytes: bytes.slice() } as const;
    this.#operations.change(change, this.name);
  }

  async truncate(lengthBytes: number): Promise<void> {
    await this.#begin("truncate");
    if (this.#readOnly) throw new DarnerError("disk.failed", `cannot resize ${this.name}: it is open for reading only`);
    this.#operations.change({ kind: "truncate", inode: this.#inode.number, lengthBytes }, this.name);
  }

  async allocate(lengthBytes: number): Promise<void> {
    await this.#begin("look");
    const more = lengthBytes - this.#inode.bytes.length;
    if (more > this.#operations.freeBytes()) throw noSpace(`set aside ${lengthBytes} bytes for`, this.name);
  }

  async clear(position: number, count: number, isBlank: boolean): Promise<void> {
    if (!isBlank) await this.write(new Uint8Array(count), position);
  }

  cloneFrom(): Promise<boolean> {
    return Promise.resolve(false);
  }

  async identity(): Promise<FileIdentity> {
    await this.#begin("look");
    return identityOf(this.#inode);
  }

  async close(): Promise<void> {
    this.#closed = true;
  }

  async #begin(verb: DiskVerb): Promise<void> {
    if (this.#closed) throw new DarnerError("disk.failed", `cannot use ${this.name}: it is closed`);
    await this.#operations.before(verb, this.name);
  }
}

function identityOf(inode: Inode): FileIdentity {
  const atNs = BigInt(Math.round(inode.modifiedMs * 1000)) * 1000n;
  const { number, links, bytes } = inode;
  const sizes = { sizeBytes: bytes.length, spaceBytes: bytes.length };
  return { device: 1n, inode: BigInt(number), ...sizes, modifiedNs: atNs, changedNs: atNs, links, isRegular: true };
}

function noSpace(action: string, path: string): DarnerError {
  return new DarnerError("disk.full", `cannot ${action} ${path}: no space left; free some, or choose another place`);
}

function refused(verb: string, path: string, why: string): DarnerError {
  return new DarnerError("output.not-writable", `cannot ${verb} ${path}: ${why}`);
}
