/**
 * Moves a run of a file into a socket, paced by a gate.
 *
 * With the native port: sendfile(2), up to 1 MiB a call, 1 MiB a turn of the loop over all transfers; a
 * chunk of 256 KiB that is not in the page cache is read through the pool first, so that no call waits
 * for the disk. When the socket has taken less than it was offered, a small slice goes the ordinary way,
 * whose callback tells when there is room again, or which error it was. Without the native port every
 * chunk goes that way. A receiver that takes nothing any more is given up.
 */

import type net from "node:net";
import { DarnerError } from "#base/mod.ts";
import type { Gate } from "./connection.ts";
import type { DiskFile } from "../files/disk.ts";
import { cachedBytesMax, type Native } from "../native/calls.ts";

const chunkBytes = 256 * 1024;
/** Fewer calls for what is in memory: with fifty readers 256 KiB a call cost a seventh more. */
const callBytes = 1024 * 1024;
const turnBytes = 1024 * 1024;
/** A receiver that takes no slice for this long is given up: a stopped one would hold its slot until TCP gives up. */
const stallMsMax = 30_000;

let sentThisTurn = 0;
let turnEnd: Promise<void> | undefined;

/** Resolves at once while this turn's share is not used up, else in the next turn. */
function nextTurn(): Promise<void> | undefined {
  if (sentThisTurn < turnBytes) return undefined;
  turnEnd ??= new Promise((resolve) =>
    setImmediate(() => {
      sentThisTurn = 0;
      turnEnd = undefined;
      resolve();
    }),
  );
  return turnEnd;
}

/** Resolves when the kernel has taken `count` bytes; rejects with network.broken or disk.failed. */
export async function pumpFile(
  socket: net.Socket,
  native: Native,
  file: DiskFile,
  position: number,
  count: number,
  gate: Gate,
  stallMs = stallMsMax,
): Promise<void> {
  const end = position + count;
  let scratch: Buffer | undefined;
  let hasRoom = true;
  for (let at = position; at < end;) {
    if (gate.blocked) await gate.ready();
    if (socket.destroyed) throw broken();
    const stepMax = Math.min(end - at, gate.chunkBytesMax);
    let step = Math.min(stepMax, chunkBytes);
    let sent = -1;
    if (hasRoom && native.available && file.descriptor >= 0) {
      const cached = cachedBytes(native, file.descriptor, at, Math.min(stepMax, callBytes));
      if (cached > 0) step = cached;
      else {
        scratch ??= Buffer.allocUnsafe(chunkBytes);
        await file.read(scratch.subarray(0, step), at);
      }
      await nextTurn();
      if (socket.destroyed) throw broken();
      sent = native.sendFile(socket, file.descriptor, at, step);
      if (sent === 0)
        throw new DarnerError("disk.failed", `cannot send ${file.name}: it ends at byte ${at}, shorter than promised`);
    }
    hasRoom = sent < 0 || sent === step;
    if (sent < 0) sent = await sendPlainly(socket, native, file, at, step, stallMs);
    sentThisTurn += sent;
    gate.charge(sent);
    at += sent;
  }
}

/** How many bytes from `position` can be sent at once, as far as the last byte of each chunk tells. */
function cachedBytes(native: Native, descriptor: number, position: number, count: number): number {
  for (let cached = 0; ;) {
    const next = Math.min(cached + chunkBytes, count);
    if (next === cached || !native.isCached(descriptor, position + next - 1)) return cached;
    cached = next;
  }
}

/** The ordinary way: a slice where the native port only waits for room, else the whole step. */
async function sendPlainly(
  socket: net.Socket,
  native: Native,
  file: DiskFile,
  position: number,
  step: number,
  stallMs: number,
): Promise<number> {
  const count = native.available ? Math.min(step, cachedBytesMax) : step;
  // The way through the pool costs two wake-ups; what lies in memory is not worth them.
  const cached =
    file.descriptor >= 0 && native.available ? native.readCached(file.descriptor, position, count) : undefined;
  await write(socket, cached ?? (await readSlice(file, position, count)), stallMs);
  return count;
}

async function readSlice(file: DiskFile, position: number, count: number): Promise<Uint8Array> {
  const slice = Buffer.allocUnsafe(count);
  const read = await file.read(slice, position);
  if (read === count) return slice;
  throw new DarnerError(
    "disk.failed",
    `cannot send ${file.name}: it ends at byte ${position + read}, shorter than promised`,
  );
}

function write(socket: net.Socket, bytes: Uint8Array, stallMs: number): Promise<void> {
  return new Promise<void>((resolve, reject) => {
    if (socket.destroyed) return reject(broken());
    const timer = setTimeout(() => socket.destroy(), stallMs);
    const gone = (): void => {
      clearTimeout(timer);
      reject(broken());
    };
    socket.once("close", gone);
    socket.write(bytes, (error) => {
      clearTimeout(timer);
      socket.removeListener("close", gone);
      if (error) reject(broken());
      else resolve();
    });
  });
}

function broken(): DarnerError {
  return new DarnerError("network.broken", "cannot go on sending: the connection closed", { retry: "now" });
}
