/**
 * A small output in one go: a partial file of its own, its bytes, its time, its final name.
 *
 * Each step is a system call of microseconds that nobody waits for but this process, which has nothing
 * else to do: handed to the pool of threads, each would cost ten times as much.
 */

import * as fs from "node:fs";
import { diskError } from "./disk.node.ts";
import { lockName } from "./output-lock.node.ts";

const { O_CREAT, O_EXCL, O_NOFOLLOW, O_WRONLY } = fs.constants;

/** False, with nothing left behind, when a file is in the way or the file system has no hard links. */
export function writeWhole(part: string, to: string, bytes: Uint8Array, modifiedMs: number | undefined): boolean {
  let descriptor: number;
  try {
    descriptor = fs.openSync(part, O_CREAT | O_EXCL | O_NOFOLLOW | O_WRONLY, 0o666);
  } catch (error) {
    if (codeOf(error) === "EEXIST") return false;
    throw diskError(error, `open the partial file ${part}`);
  }
  // Another dfget that finds the partial file must not go on with it.
  const lock = lockName(fs.fstatSync(descriptor, { bigint: true }));
  try {
    if (lock === "taken") return false;
    for (let written = 0; written < bytes.length;) written += fs.writeSync(descriptor, bytes, written);
    if (modifiedMs !== undefined) fs.futimesSync(descriptor, modifiedMs / 1000, modifiedMs / 1000);
    return linked(part, to);
  } catch (error) {
    throw diskError(error, `write ${to}`);
  } finally {
    fs.closeSync(descriptor);
    if (lock !== "taken") {
      fs.unlinkSync(part);
      lock?.close();
    }
  }
}

/** The ordinary way says what is wrong, or knows another one. */
function linked(part: string, to: string): boolean {
  try {
    fs.linkSync(part, to);
    return true;
  } catch {
    return false;
  }
}

const codeOf = (error: unknown): string => (error as NodeJS.ErrnoException).code ?? "";
