/**
 * Bytes of a held object for one more taker: a second output, a part of it, or a stream. Every piece
 * is hashed again on its way, so that an edited file never becomes somebody else's download.
 */

import { assert, DarnerError, isZeros } from "#base/mod.ts";
import { digestToText, parseDigest } from "#core/model/mod.ts";
import type { DiskFile } from "#platform/files/disk.ts";
import { streamingDigest } from "#platform/keys/digest.ts";
import { readChecked, spoiled, type HostTask } from "../tasks/mod.ts";

type Held = Pick<HostTask, "store" | "spoiled" | "sealing">;

export interface ByteSpan {
  readonly start: number;
  /** The byte after the last. */
  readonly end: number;
}

/** The bytes that an ask means. Throws `origin.range` for a range that lies outside the object. */
export function spanOf(range: { start: number; end?: number } | undefined, lengthBytes: number, url: string): ByteSpan {
  const { start, end = lengthBytes } = range ?? { start: 0 };
  if (range === undefined || start < lengthBytes) return { start, end: Math.min(end, lengthBytes) };
  const name = url.split(/[?#]/, 1)[0]!;
  throw new DarnerError(
    "origin.range",
    `cannot get bytes from ${start} of ${name}: it has ${lengthBytes}; ask for a range within it`,
  );
}

/**
 * Copies the span into `output`, which becomes exactly as long; the whole shares its space where it can. Throws
 * `interrupted` once it `isOver`.
 */
export async function copyChecked(task: Held, span: ByteSpan, output: DiskFile, isOver: () => boolean): Promise<void> {
  const { store } = task;
  const lengthBytes = span.end - span.start;
  const isSame = lengthBytes === store.lengthBytes && store.object?.seal === undefined;
  // A clone of what is shorter would leave the end of what lay there before.
  await output.truncate(0);
  if (isSame && (await output.cloneFrom(store.content))) {
    // What was cloned stays as it is, whatever happens to the file that it came from: it is checked itself.
    for await (const _ of runsOf(task, span, output)) assertWanted(isOver);
    return;
  }
  await output.truncate(lengthBytes);
  await output.allocate(lengthBytes);
  for await (const { position, bytes } of runsOf(task, span)) {
    assertWanted(isOver);
    const at = position - span.start;
    await (isZeros(bytes) ? output.clear(at, bytes.length, true) : output.write(bytes, at));
  }
}

export function assertWanted(isOver: () => boolean): void {
  if (isOver()) throw new DarnerError("interrupted", "cannot go on with the output: its client went away");
}

/** Throws `digest.mismatch` unless the span has the digest that its user expects. */
export async function proveSpan(
  task: Held,
  span: ByteSpan,
  expected: { readonly digest: string; readonly url: string },
): Promise<void> {
  const digest = parseDigest(expected.digest);
  const running = streamingDigest(digest.algorithm);
  for await (const { bytes } of runsOf(task, span)) running.update(bytes);
  const hex = running.hex();
  if (hex === digest.hex) return;
  const name = expected.url.split(/[?#]/, 1)[0]!;
  const is = digestToText({ algorithm: digest.algorithm, hex });
  throw new DarnerError(
    "digest.mismatch",
    `cannot accept ${name}: its digest is ${is}, it should be ${expected.digest}; check the digest and the URL`,
  );
}

/** The span's bytes in order, a piece or a part of one at a time. */
async function* runsOf(
  task: Held,
  span: ByteSpan,
  copy?: DiskFile,
): AsyncGenerator<{ position: number; bytes: Uint8Array }> {
  const pieceBytes = task.store.clearPieceBytes;
  assert(pieceBytes !== undefined, "an object to read has begun");
  for (let position = span.start; position < span.end;) {
    const index = Math.floor(position / pieceBytes);
    const start = index * pieceBytes;
    const piece = await readChecked(task, index, copy);
    if (piece === undefined) throw spoiled(task);
    const bytes = piece.subarray(position - start, Math.min(piece.length, span.end - start));
    yield { position, bytes };
    position += bytes.length;
  }
}
