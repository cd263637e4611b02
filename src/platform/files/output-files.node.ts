/** A user's outputs on the real file system. */

import * as fs from "node:fs";
import { dirname } from "node:path";
import { promisify } from "node:util";
import { DarnerError } from "#base/mod.ts";
import type { DiskFile } from "./disk.ts";
import { diskError, nodeDisk } from "./disk.node.ts";
import type { OutputFiles, OutputKind, OutputLook } from "./output-files.ts";
import { lockName } from "./output-lock.node.ts";
import { writeWhole } from "./whole-output.node.ts";

const { O_CREAT, O_EXCL, O_NOFOLLOW, O_NONBLOCK, O_RDWR } = fs.constants;
/** What little is needed of `node:fs/promises`, whose loading every start of dfget would pay for. */
const fsp = {
  lstat: promisify(fs.lstat),
  rename: promisify(fs.rename),
  link: promisify(fs.link),
  unlink: promisify(fs.unlink),
};
const missing: OutputLook = { kind: "missing", sizeBytes: 0, permissions: 0, identity: "" };

async function guard<T>(action: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw diskError(error, action);
  }
}

const codeOf = (error: unknown): string => (error as NodeJS.ErrnoException).code ?? "";

function kindOf(stat: fs.Stats): OutputKind {
  if (stat.isFile()) return "file";
  if (stat.isDirectory()) return "directory";
  return stat.isSymbolicLink() ? "link" : "stream";
}

const identityOf = (stat: fs.Stats): string => `${stat.dev}:${stat.ino}`;

async function look(path: string): Promise<OutputLook> {
  // Microseconds: the pool of threads would take ten times as long, for each of a list's many outputs.
  const stat = await guard(`look at ${path}`, async () =>
    (path.startsWith("/dev/") ? fs.statSync : fs.lstatSync)(path, { throwIfNoEntry: false }),
  );
  if (stat === undefined) return missing;
  return { kind: kindOf(stat), sizeBytes: stat.size, permissions: stat.mode & 0o777, identity: identityOf(stat) };
}

async function openPart(path: string, permissions: number): Promise<DiskFile> {
  const action = `open the partial file ${path}`;
  const descriptor = await guard(action, () => openOwn(path, permissions)).catch((error: DarnerError) => {
    if (error.facts["errno"] !== "ENOENT") throw error;
    const next = "make it, or save with -P, which makes it";
    throw new DarnerError("output.not-writable", `cannot save in ${dirname(path)}: there is no such folder; ${next}`);
  });
  const file = nodeDisk.adopt(descriptor, path);
  const stat = fs.fstatSync(descriptor);
  const says = !stat.isFile()
    ? "it is no regular file"
    : stat.uid !== process.geteuid?.()
      ? "it belongs to another user"
      : stat.nlink !== 1
        ? "it has a second name"
        : undefined;
  if (says === undefined) return file;
  await file.close();
  throw new DarnerError("output.not-writable", `cannot ${action}: ${says}; remove it, or choose another output`);
}

async function openOwn(path: string, permissions: number): Promise<number> {
  const flags = O_RDWR | O_NOFOLLOW | O_NONBLOCK;
  const open = (more: number): Promise<number> =>
    new Promise((resolve, reject) => {
      fs.open(path, flags | more, permissions, (error, descriptor) =>
        error === null ? resolve(descriptor) : reject(error),
      );
    });
  try {
    return await open(O_CREAT | O_EXCL);
  } catch (error) {
    if (codeOf(error) !== "EEXIST") throw error;
  }
  return await open(0);
}

async function lock(part: DiskFile): Promise<{ release(): void }> {
  const { device: dev, inode: ino } = await part.identity();
  const name = lockName({ dev, ino });
  if (name !== "taken") return { release: () => name?.close() };
  const says = "another dfget is downloading to it; wait for that one, or choose another output";
  throw new DarnerError("output.not-writable", `cannot write ${part.name}: ${says}`);
}

async function publish(file: DiskFile, part: string, to: string, replace: boolean): Promise<void> {
  const action = `give ${part} its final name ${to}`;
  await guard(action, async () => {
    const found = await fsp.lstat(part, { bigint: true });
    const held = await file.identity();
    if (found.ino !== held.inode || found.dev !== held.device) {
      throw new DarnerError("output.not-writable", `cannot ${action}: another file lies there now; try again`);
    }
    if (replace) return await fsp.rename(part, to);
    try {
      await fsp.link(part, to);
      return await fsp.unlink(part);
    } catch (error) {
      if (!["EPERM", "ENOTSUP", "EOPNOTSUPP", "ENOSYS", "EMLINK"].includes(codeOf(error))) throw existsError(error, to);
    }
    // A file system without hard links: the look and the rename are two steps there.
    if ((await look(to)).kind !== "missing") throw outputExists(to);
    return await fsp.rename(part, to);
  });
}

function existsError(error: unknown, path: string): unknown {
  return codeOf(error) === "EEXIST" ? outputExists(path) : error;
}

function outputExists(path: string): DarnerError {
  const says = "it came to be during the download; the download is kept beside it, name another with -O";
  return new DarnerError("output.exists", `cannot give the download its name ${path}: ${says}`);
}

async function readText(path: string, bytesMax: number): Promise<string> {
  const name = path === "-" ? "the standard input" : path;
  try {
    const chunks: Buffer[] = [];
    let length = 0;
    const stream = path === "-" ? process.stdin : fs.createReadStream(path);
    for await (const chunk of stream as AsyncIterable<Buffer>) {
      chunks.push(chunk);
      length += chunk.length;
      if (length > bytesMax) {
        throw new DarnerError("usage", `cannot read ${name}: it is longer than ${bytesMax} bytes; split it`);
      }
    }
    return Buffer.concat(chunks).toString("utf8");
  } catch (error) {
    throw diskError(error, `read ${name}`, "disk.failed");
  }
}

/** Waits for a callback of `node:fs` on an open file. */
function onDescriptor(action: string, start: (done: (error: Error | null) => void) => void): Promise<void> {
  return guard(
    action,
    () => new Promise((resolve, reject) => start((error) => (error === null ? resolve() : reject(error)))),
  );
}

export const nodeOutputFiles: OutputFiles = {
  look,
  openPart,
  lock,
  publish,
  writeWhole,
  setModified: (file, modifiedMs) =>
    onDescriptor(`set the time of ${file.name}`, (done) =>
      fs.futimes(file.descriptor, modifiedMs / 1000, modifiedMs / 1000, done),
    ),
  setPermissions: (file, permissions) =>
    onDescriptor(`set the permissions of ${file.name}`, (done) => fs.fchmod(file.descriptor, permissions, done)),
  remove: (path) => nodeDisk.remove(path),
  makeDirectory: (path) => nodeDisk.makeDirectory(path),
  freeBytes: (path) => nodeDisk.freeBytes(dirname(path)),
  async openSink(path, signal) {
    const { openNodeSink } = await import("./byte-sink.node.ts");
    return await openNodeSink(path, signal);
  },
  readText,
};
