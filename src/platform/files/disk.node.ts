/** The real disk, over `node:fs`; every operation runs in libuv's pool, so the loop never waits. */

import * as fs from "node:fs";
import { DarnerError, formatBytes } from "#base/mod.ts";
import type { Disk, DiskFile, FileIdentity, OpenMode } from "./disk.ts";
import { absentNative, type Native } from "../native/calls.ts";

const openFlags: Readonly<Record<OpenMode, number>> = {
  read: fs.constants.O_RDONLY | fs.constants.O_NOFOLLOW,
  update: fs.constants.O_RDWR | fs.constants.O_NOFOLLOW,
  keep: fs.constants.O_RDWR | fs.constants.O_CREAT | fs.constants.O_NOFOLLOW,
  create: fs.constants.O_RDWR | fs.constants.O_CREAT | fs.constants.O_EXCL | fs.constants.O_NOFOLLOW,
};

/** statfs(2): ext4, xfs, btrfs, f2fs. Others may ask a server, or take memory at once for what is set aside. */
const localTypes: ReadonlySet<number> = new Set([0xef53, 0x58465342, 0x9123683e, 0xf2f52010]);
/** tmpfs, ramfs: what is asked of them waits for nobody either. */
const memoryTypes: ReadonlySet<number> = new Set([0x01021994, 0x858458f6]);
const allocateBytesMax = 2 ** 30;
const zerosBytesMax = 1024 * 1024;

/**
 * A file system's error as ours: `action` is what was tried, such as `write /data/x`; `refused` is the
 * code where the place is wrong or not for this user.
 */
export function diskError(
  error: unknown,
  action: string,
  refused: "output.not-writable" | "disk.failed" = "output.not-writable",
): DarnerError {
  if (error instanceof DarnerError) return error;
  const code = (error as NodeJS.ErrnoException).code ?? "unknown";
  const facts = { errno: code };
  switch (code) {
    case "ENOSPC":
    case "EDQUOT":
      return new DarnerError("disk.full", `cannot ${action}: no space left; free some, or choose another place`, {
        facts,
        cause: error,
      });
    case "EACCES":
    case "EPERM":
    case "EROFS":
    case "ENOENT":
    case "ENOTDIR":
    case "EISDIR":
    case "ELOOP":
    case "ETXTBSY":
      return new DarnerError(refused, `cannot ${action}: ${describeErrno(code)}`, { facts, cause: error });
    default:
      return new DarnerError("disk.failed", `cannot ${action}: ${(error as Error).message}`, { facts, cause: error });
  }
}

function describeErrno(code: string): string {
  switch (code) {
    case "EACCES":
    case "EPERM":
      return "permission denied; choose another place, or get the right to this one";
    case "EROFS":
      return "the file system is read-only; choose another place";
    case "ENOENT":
      return "no such file or directory; check the path";
    case "ENOTDIR":
      return "a part of the path is not a directory; check the path";
    case "EISDIR":
      return "it is a directory; name a file";
    case "ELOOP":
      return "it is a symbolic link, which is not followed; name what it leads to";
    default:
      return "it is a running program; stop it, or choose another place";
  }
}

/** Turns a callback of `node:fs` into a promise that fails with our error. */
function call<T>(action: string, start: (done: (error: Error | null, value: T) => void) => void): Promise<T> {
  return new Promise((resolve, reject) => {
    start((error, value) =>
      error === null || error === undefined ? resolve(value) : reject(diskError(error, action)),
    );
  });
}

function toIdentity(stat: fs.BigIntStats): FileIdentity {
  return {
    device: stat.dev,
    inode: stat.ino,
    sizeBytes: Number(stat.size),
    spaceBytes: Number(stat.blocks) * 512,
    modifiedNs: stat.mtimeNs,
    changedNs: stat.ctimeNs,
    links: Number(stat.nlink),
    isRegular: stat.isFile(),
  };
}

/**
 * What was begun before a close ends before it: the pool works on several things at once, and the
 * descriptor's number may be another file's as soon as it is closed.
 */
class NodeFile implements DiskFile {
  readonly name: string;
  readonly #native: Native;
  #descriptor: number;
  #isAllocated = false;
  #waitsForNobody: boolean | undefined;
  #underWay = 0;
  #onRest: (() => void) | undefined;

  constructor(descriptor: number, name: string, native: Native) {
    this.#native = native;
    this.#descriptor = descriptor;
    this.name = name;
  }

  get descriptor(): number {
    return this.#descriptor;
  }

  async read(into: Uint8Array, position: number): Promise<number> {
    let filled = 0;
    while (filled < into.length) {
      const count = await this.#call<number>("read", (descriptor, done) =>
        fs.read(descriptor, into, filled, into.length - filled, position + filled, done),
      );
      if (count === 0) break;
      filled += count;
    }
    return filled;
  }

  async write(bytes: Uint8Array, position: number): Promise<void> {
    let written = 0;
    while (written < bytes.length) {
      written += await this.#call<number>("write", (descriptor, done) =>
        fs.write(descriptor, bytes, written, bytes.length - written, position + written, done),
      );
    }
  }

  truncate(lengthBytes: number): Promise<void> {
    return this.#call("resize", (descriptor, done) =>
      fs.ftruncate(descriptor, lengthBytes, (error) => done(error, undefined)),
    );
  }

  async allocate(lengthBytes: number): Promise<void> {
    const full = (free: string): DarnerError =>
      new DarnerError(
        "disk.full",
        `cannot set aside ${formatBytes(lengthBytes)} for ${this.name}: ${free}; free some, or choose another place`,
      );
    const found = await this.#fileSystem();
    if (found === undefined) return;
    const { spaceBytes } = await this.identity();
    if (found.freeBytes + spaceBytes < lengthBytes) throw full(`the disk has ${formatBytes(found.freeBytes)} free`);
    if (!found.isLocal) return;
    for (let position = 0; position < lengthBytes; position += allocateBytesMax) {
      const count = Math.min(allocateBytesMax, lengthBytes - position);
      const taken = this.#native.takeSpace(this.#open(), position, count);
      if (taken === "full") throw full("no space left");
      if (taken === "unsupported") return;
      this.#isAllocated = true;
      // Each call blocks: others have their turn between.
      await new Promise((resolve) => setImmediate(resolve));
    }
  }

  async clear(position: number, count: number, isBlank: boolean): Promise<void> {
    if (isBlank && !this.#isAllocated) return;
    const isLocal = (await this.#fileSystem())?.isLocal === true;
    if (isLocal && this.#native.punchHole(this.#open(), position, count)) return;
    const zeros = new Uint8Array(isBlank ? 0 : Math.min(count, zerosBytesMax));
    for (let done = 0; done < count && !isBlank; done += zeros.length) {
      await this.write(zeros.subarray(0, Math.min(zeros.length, count - done)), position + done);
    }
  }

  async cloneFrom(source: DiskFile): Promise<boolean> {
    if (!this.#native.available || source.descriptor < 0 || (await this.#fileSystem())?.isLocal !== true) return false;
    if ((await source.identity()).device !== (await this.identity()).device) return false;
    // What is not on the disk yet would be written by the call itself, and the loop would wait for it.
    await call<void>(`flush ${source.name}`, (done) =>
      fs.fdatasync(source.descriptor, (error) => done(error, undefined)),
    );
    return source.descriptor >= 0 && this.#native.cloneFile(this.#open(), source.descriptor);
  }

  /** Where the file lies; undefined where nobody tells. */
  async #fileSystem(): Promise<{ freeBytes: number; isLocal: boolean; waitsForNobody: boolean } | undefined> {
    const stat = await new Promise<fs.StatsFs | undefined>((resolve) => {
      fs.statfs(`/proc/self/fd/${this.#open()}`, (error, found) => resolve(error === null ? found : undefined));
    });
    if (stat === undefined) return undefined;
    const isLocal = localTypes.has(stat.type);
    return {
      freeBytes: stat.bavail * stat.bsize,
      isLocal: this.#native.available && isLocal,
      waitsForNobody: isLocal || memoryTypes.has(stat.type),
    };
  }

  #open(): number {
    if (this.#descriptor >= 0) return this.#descriptor;
    throw new DarnerError("disk.failed", `cannot use ${this.name}: it is closed`);
  }

  /** Of a local file it lies in memory: the call takes a tenth of what waking a thread for it does. */
  async identity(): Promise<FileIdentity> {
    this.#waitsForNobody ??= (await this.#fileSystem())?.waitsForNobody === true;
    if (this.#waitsForNobody) return this.#identityNow();
    return toIdentity(
      await this.#call<fs.BigIntStats>("look at", (descriptor, done) => fs.fstat(descriptor, { bigint: true }, done)),
    );
  }

  #identityNow(): FileIdentity {
    try {
      return toIdentity(fs.fstatSync(this.#open(), { bigint: true }));
    } catch (error) {
      throw diskError(error, `look at ${this.name}`);
    }
  }

  async close(): Promise<void> {
    if (this.#descriptor < 0) return;
    const descriptor = this.#descriptor;
    this.#descriptor = -1;
    if (this.#underWay > 0) await new Promise<void>((resolve) => (this.#onRest = resolve));
    await call<void>(`close ${this.name}`, (done) => fs.close(descriptor, (error) => done(error ?? null, undefined)));
  }

  async #call<T>(
    verb: string,
    start: (descriptor: number, done: (error: Error | null, value: T) => void) => void,
  ): Promise<T> {
    const descriptor = this.#open();
    this.#underWay++;
    try {
      return await call<T>(`${verb} ${this.name}`, (done) => start(descriptor, done));
    } finally {
      if (--this.#underWay === 0) this.#onRest?.();
    }
  }
}

export function createNodeDisk(native: Native): Disk {
  return { ...pathOperations, ...fileOperations(native) };
}

const fileOperations = (native: Native): Pick<Disk, "open" | "adopt"> => ({
  async open(path, mode, options) {
    const verb = mode === "read" ? "open" : mode === "create" ? "create" : "open for writing";
    const descriptor = await call<number>(`${verb} ${path}`, (done) =>
      fs.open(path, openFlags[mode], options?.permissions ?? 0o666, done),
    );
    return new NodeFile(descriptor, path, native);
  },
  adopt: (descriptor, name) => new NodeFile(descriptor, name, native),
});

const pathOperations: Omit<Disk, "open" | "adopt"> = {
  async makeDirectory(path, options) {
    await call<void>(`make the directory ${path}`, (done) =>
      fs.mkdir(path, { recursive: true, mode: options?.permissions ?? 0o777 }, (error) => done(error, undefined)),
    );
  },
  async list(path) {
    const names = await call<string[]>(`list ${path}`, (done) =>
      fs.readdir(path, (error, found) => (error?.code === "ENOENT" ? done(null, []) : done(error, found))),
    );
    return names.sort();
  },
  async stat(path) {
    const found = await call<fs.BigIntStats | undefined>(`look at ${path}`, (done) =>
      fs.lstat(path, { bigint: true }, (error, stat) =>
        error?.code === "ENOENT" ? done(null, undefined) : done(error, stat),
      ),
    );
    return found === undefined ? undefined : toIdentity(found);
  },
  setModified: (path, modifiedMs) =>
    call(`set the time of ${path}`, (done) =>
      fs.lutimes(path, modifiedMs / 1000, modifiedMs / 1000, (error) => done(error, undefined)),
    ),
  rename: (from, to) =>
    call(`rename ${from} to ${to}`, (done) => fs.rename(from, to, (error) => done(error, undefined))),
  remove: (path) =>
    call(`remove ${path}`, (done) =>
      fs.unlink(path, (error) => done(error?.code === "ENOENT" ? null : error, undefined)),
    ),
  removeTree: (path) =>
    call(`remove ${path}`, (done) => fs.rm(path, { recursive: true, force: true }, (error) => done(error, undefined))),
  async freeBytes(path) {
    const stat = await call<fs.StatsFs>(`look at the file system of ${path}`, (done) => fs.statfs(path, done));
    return stat.bavail * stat.bsize;
  },
};

/** Without FFI: holes only where nothing was written, no space set aside, no clones. */
export const nodeDisk: Disk = createNodeDisk(absentNative);
