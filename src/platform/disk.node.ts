/** The real disk, over `node:fs`; every operation runs in libuv's pool, so the loop never waits. */

import * as fs from "node:fs";
import { DarnerError } from "#base/mod.ts";
import type { Disk, DiskFile, FileIdentity, OpenMode } from "./disk.ts";

const openFlags: Readonly<Record<OpenMode, number>> = {
  read: fs.constants.O_RDONLY | fs.constants.O_NOFOLLOW,
  update: fs.constants.O_RDWR | fs.constants.O_NOFOLLOW,
  keep: fs.constants.O_RDWR | fs.constants.O_CREAT | fs.constants.O_NOFOLLOW,
  create: fs.constants.O_RDWR | fs.constants.O_CREAT | fs.constants.O_EXCL | fs.constants.O_NOFOLLOW,
};

/** A file system's error as ours: `action` is what was tried, such as `write /data/x`. */
export function diskError(error: unknown, action: string): DarnerError {
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
      return new DarnerError("output.not-writable", `cannot ${action}: ${describeErrno(code)}`, {
        facts,
        cause: error,
      });
    default:
      return new DarnerError("disk.failed", `cannot ${action}: ${(error as Error).message}`, { facts, cause: error });
  }
}

function describeErrno(code: string): string {
  switch (code) {
    case "EACCES":
    case "EPERM":
      return "permission denied";
    case "EROFS":
      return "the file system is read-only";
    case "ENOENT":
      return "no such file or directory";
    case "ENOTDIR":
      return "a part of the path is not a directory";
    case "EISDIR":
      return "it is a directory";
    case "ELOOP":
      return "it is a symbolic link, which is not followed";
    default:
      return "it is a running program";
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
    modifiedNs: stat.mtimeNs,
    changedNs: stat.ctimeNs,
    links: Number(stat.nlink),
  };
}

/**
 * What was begun before a close ends before it: the pool works on several things at once, and the
 * descriptor's number may be another file's as soon as it is closed.
 */
class NodeFile implements DiskFile {
  readonly name: string;
  #descriptor: number;
  #underWay = 0;
  #onRest: (() => void) | undefined;

  constructor(descriptor: number, name: string) {
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

  async identity(): Promise<FileIdentity> {
    return toIdentity(
      await this.#call<fs.BigIntStats>("look at", (descriptor, done) => fs.fstat(descriptor, { bigint: true }, done)),
    );
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
    const descriptor = this.#descriptor;
    if (descriptor < 0) throw new DarnerError("disk.failed", `cannot use ${this.name}: it is closed`);
    this.#underWay++;
    try {
      return await call<T>(`${verb} ${this.name}`, (done) => start(descriptor, done));
    } finally {
      if (--this.#underWay === 0) this.#onRest?.();
    }
  }
}

export const nodeDisk: Disk = {
  async open(path, mode, options) {
    const verb = mode === "read" ? "open" : mode === "create" ? "create" : "open for writing";
    const descriptor = await call<number>(`${verb} ${path}`, (done) =>
      fs.open(path, openFlags[mode], options?.permissions ?? 0o666, done),
    );
    return new NodeFile(descriptor, path);
  },
  adopt: (descriptor, name) => new NodeFile(descriptor, name),
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
