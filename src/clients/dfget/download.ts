/**
 * One object from the ask to its output: what to do when something lies there already, through the
 * daemon or alone, and alone in the middle when the daemon goes away.
 */

import { asDarnerError, DarnerError } from "#base/mod.ts";
import { digestToText } from "#core/model/mod.ts";
import type { BytesBySource } from "#core/protocol/mod.ts";
import { streamingDigest } from "#platform/keys/digest.ts";
import type { ByteSink } from "#platform/files/output-files.ts";
import type { AloneParts, Got } from "./alone.ts";
import { outputExists, PartialOutput, planOutput, type OutputPlan } from "./outputs.ts";
import type { DfgetPorts } from "./ports.ts";
import type { Reporter } from "./reporter.ts";
import type { DaemonParts, GotThroughDaemon } from "./through-daemon.ts";
import type { Wanted } from "./wanted.ts";

export interface DownloadParts {
  readonly ports: DfgetPorts;
  readonly reporter: Reporter;
  /** `-nc`, `-c`. */
  readonly noClobber: boolean;
  readonly resume: boolean;
  readonly backToSource: boolean;
  readonly signal: AbortSignal;
  /** Made at first use: a download through the daemon loads nothing of it. */
  alone(wanted: Wanted): Promise<AloneParts>;
  /** Undefined when there is no daemon to use. */
  daemon(wanted: Wanted): DaemonParts | undefined;
}

interface Finished {
  readonly lengthBytes: number;
  readonly digests: readonly string[];
  readonly lastModified: string | undefined;
  readonly bytes?: BytesBySource;
  readonly settle?: () => Promise<void>;
}

/** Resolves when the output is there, whole. Rejects with a DarnerError. */
export async function download(parts: DownloadParts, wanted: Wanted): Promise<void> {
  parts.signal.throwIfAborted();
  const plan = await planOutput(parts.ports.outputs, wanted);
  switch (plan.kind) {
    case "present":
      return await keepPresent(parts, wanted, plan);
    case "stream":
      return await intoStream(parts, wanted);
    case "file":
      return await intoFile(parts, wanted, plan);
  }
}

async function keepPresent(
  parts: DownloadParts,
  wanted: Wanted,
  plan: Extract<OutputPlan, { kind: "present" }>,
): Promise<void> {
  const { output, digest } = wanted;
  const { reporter } = parts;
  if (parts.noClobber) return reporter.notice(`${output} is there already and is kept`);
  if (!plan.finishedJustNow) {
    if (!parts.resume) throw outputExists(output);
    const same =
      digest === undefined ? await hasLengthOfOrigin(parts, wanted, plan.sizeBytes) : await hasDigest(parts, wanted);
    if (!same) throw outputExists(output);
  }
  reporter.present(output, plan.sizeBytes, digest === undefined ? [] : [digestToText(digest)]);
}

async function hasLengthOfOrigin(parts: DownloadParts, wanted: Wanted, sizeBytes: number): Promise<boolean> {
  const { lengthAtOrigin } = await import("./alone.ts");
  return (await lengthAtOrigin(await parts.alone(wanted), wanted)) === sizeBytes;
}

async function hasDigest({ ports, signal }: DownloadParts, { output, digest }: Wanted): Promise<boolean> {
  const file = await ports.disk.open(output, "read");
  try {
    const running = streamingDigest(digest!.algorithm);
    const buffer = new Uint8Array(1024 * 1024);
    let position = 0;
    for (;;) {
      signal.throwIfAborted();
      const count = await file.read(buffer, position);
      running.update(buffer.subarray(0, count));
      position += count;
      if (count < buffer.length) return running.hex() === digest!.hex;
    }
  } finally {
    await file.close();
  }
}

async function intoFile(
  parts: DownloadParts,
  wanted: Wanted,
  plan: Extract<OutputPlan, { kind: "file" }>,
): Promise<void> {
  const { outputs } = parts.ports;
  const open = { partial: await PartialOutput.open(outputs, wanted.output) };
  try {
    const got = await fetchIntoFile(parts, wanted, open);
    parts.signal.throwIfAborted();
    await open.partial.publish(wanted, plan.replaced, modifiedMs(got.lastModified));
    parts.reporter.done(wanted.output, got);
    await got.settle?.();
  } catch (error) {
    // Of wrong bytes none is of use to a later run.
    const useless = asDarnerError(error).code === "digest.mismatch" || (await open.partial.holdsNothing());
    if (useless) await open.partial.remove();
    throw error;
  } finally {
    await open.partial.close();
  }
}

/** May put another partial output in the place of one that a silent daemon still has open. */
async function fetchIntoFile(
  parts: DownloadParts,
  wanted: Wanted,
  open: { partial: PartialOutput },
): Promise<Finished> {
  const daemon = parts.daemon(wanted);
  if (daemon !== undefined) {
    try {
      return finishedBy(await throughDaemon(daemon, wanted, open.partial));
    } catch (error) {
      await assertMayGoOnAlone(parts, error);
      if (asDarnerError(error).facts["silent"] === true) {
        await open.partial.remove();
        await open.partial.close();
        open.partial = await PartialOutput.open(parts.ports.outputs, wanted.output);
      }
    }
  }
  const { downloadAlone } = await import("./alone.ts");
  const { content, journal } = open.partial;
  const assertRoom = (bytes: number): Promise<void> => open.partial.assertRoom(bytes);
  return await downloadAlone(await parts.alone(wanted), wanted, { content, journal, inOrder: false, assertRoom });
}

async function throughDaemon(daemon: DaemonParts, wanted: Wanted, partial: PartialOutput): Promise<GotThroughDaemon> {
  const { downloadIntoFiles, downloadInOrder } = await import("./through-daemon.ts");
  if (await daemon.localHttp.handsOverDescriptors()) return await downloadIntoFiles(daemon, wanted, partial);
  daemon.tell({
    event: "way",
    text: "open files cannot be handed over here: the daemon sends the bytes, dfget writes them",
  });
  await partial.journal.truncate(0);
  await partial.content.truncate(0);
  let position = 0;
  const got = await downloadInOrder(daemon, wanted, async (bytes) => {
    await partial.content.write(bytes, position);
    position += bytes.length;
  });
  assertLength(wanted, got.done.lengthBytes, position);
  return got;
}

async function intoStream(parts: DownloadParts, wanted: Wanted): Promise<void> {
  const sink = await parts.ports.outputs.openSink(wanted.output, parts.signal);
  try {
    const got = await fetchIntoStream(parts, wanted, sink);
    await sink.close();
    parts.reporter.done(wanted.output, got);
  } catch (error) {
    await sink.close().catch(() => undefined);
    throw error;
  }
}

async function fetchIntoStream(parts: DownloadParts, wanted: Wanted, sink: ByteSink): Promise<Finished> {
  const daemon = parts.daemon(wanted);
  if (daemon !== undefined) {
    const { downloadInOrder } = await import("./through-daemon.ts");
    let given = 0;
    try {
      const got = await downloadInOrder(daemon, wanted, async (bytes) => {
        given += bytes.length;
        await sink.write(bytes);
      });
      assertLength(wanted, got.done.lengthBytes, given);
      return finishedBy(got);
    } catch (error) {
      // What a pipe got cannot be taken back, and nothing proves that another run would give the same bytes.
      if (given > 0) throw error;
      await assertMayGoOnAlone(parts, error);
    }
  }
  const { downloadAlone } = await import("./alone.ts");
  const { noJournal, StreamContent } = await import("./stream-output.ts");
  const content = new StreamContent(sink, wanted.output === "-" ? "the standard output" : wanted.output);
  const assertRoom = (): Promise<void> => Promise.resolve();
  const aloneParts = await parts.alone(wanted);
  const got: Got = await downloadAlone(aloneParts, wanted, { content, journal: noJournal, inOrder: true, assertRoom });
  await content.release();
  return got;
}

/** Throws the error on unless it says that the daemon is no more and the origin is allowed. */
async function assertMayGoOnAlone(parts: DownloadParts, error: unknown): Promise<void> {
  const { code, message } = asDarnerError(error);
  const lost = code === "daemon.gone" || code === "daemon.unreachable";
  if (!lost || !parts.backToSource || parts.signal.aborted) throw error;
  parts.reporter.notice(`${message.split(";", 1)[0]!}; going on alone, from the origin`);
}

function finishedBy(got: GotThroughDaemon): Finished {
  const { lengthBytes, digests, bytes, lastModified } = got.done;
  return { lengthBytes, digests, bytes, lastModified, settle: got.settle };
}

function assertLength(wanted: Wanted, expected: number, come: number): void {
  if (expected === come) return;
  throw new DarnerError(
    "daemon.gone",
    `cannot finish ${wanted.name}: the daemon sent ${come} bytes, it should have sent ${expected}; try again`,
  );
}

/** As wget does: the file's time is the object's. */
export function modifiedMs(lastModified: string | undefined): number | undefined {
  const ms = lastModified === undefined ? Number.NaN : Date.parse(lastModified);
  return Number.isNaN(ms) ? undefined : ms;
}
