/**
 * A download without any daemon: from the origin into the piece file, as far as an earlier run's
 * journal does not have it already.
 */

import { asDarnerError, DarnerError } from "#base/mod.ts";
import { strongValidator, type ResponseFacts } from "#core/freshness/mod.ts";
import { canonicalUrl, taskKeyBytes } from "#core/model/mod.ts";
import type { DownloadEvent } from "#core/protocol/mod.ts";
import type { Origin } from "#origins/mod.ts";
import type { Clock, Timer } from "#platform/machine/clock.ts";
import type { DiskFile } from "#platform/files/disk.ts";
import { sha256Hex } from "#platform/keys/digest.ts";
import type { Random } from "#platform/machine/random.ts";
import { PieceFile } from "#storage/pieces/mod.ts";
import { concealUrl, nameGeneration, OriginFetch, type BodyAnswer, type OriginFetchOptions } from "#transfer/mod.ts";
import type { Wanted } from "./wanted.ts";

/** A stream's pieces are memory; a file's length decides its own. */
const streamPieceBytes = 1024 * 1024;
/** A second connection pays from here on; what a cut loses is only this host's. */
const splitBytesMin = 64 * 1024 * 1024;

export interface AloneParts {
  readonly origin: Origin;
  readonly clock: Clock;
  readonly random: Random;
  readonly limiter: OriginFetchOptions["limiter"];
  /** Names the machine's running boot, 8 bytes. */
  readonly boot: Uint8Array;
  readonly connectionsMax: number;
  readonly triesMax: number;
  /** How often somebody looks at the progress. */
  readonly progressEveryMs: number;
  readonly signal: AbortSignal;
  tell(event: DownloadEvent): void;
}

export interface AloneOutput {
  readonly content: DiskFile;
  readonly journal: DiskFile;
  /** Bytes come in order over one connection. */
  readonly inOrder: boolean;
  assertRoom(bytes: number): Promise<void>;
}

export interface Got {
  readonly lengthBytes: number;
  readonly digests: readonly string[];
  readonly lastModified: string | undefined;
}

/** Resolves when the object is whole and proved. Rejects with a DarnerError; what came stays. */
export async function downloadAlone(parts: AloneParts, wanted: Wanted, output: AloneOutput): Promise<Got> {
  const store = await openStore(parts, wanted, output);
  const opened = await askWhetherStillTrue(parts, wanted, store);
  const counter = new ByteCounter(parts, store, opened === undefined);
  if (store.object !== undefined && opened === undefined) counter.started(wanted);
  try {
    const end = await new OriginFetch({
      ...parts,
      origin: failingFastAtFirst(parts.origin),
      store,
      url: wanted.url,
      headers: wanted.headers,
      caller: "near",
      expected: wanted.digest === undefined ? [] : [wanted.digest],
      proveAlways: false,
      ...(wanted.range === undefined ? {} : { window: wanted.range }),
      connectionsMax: output.inOrder ? 1 : parts.connectionsMax,
      splitBytesMin,
      hosts: 1,
      ...(output.inOrder ? { pieceBytes: streamPieceBytes } : {}),
      ...(opened === undefined ? {} : { opened }),
      generationOf: (facts) => nameGeneration({ ...facts, task: sha256Hex(taskKeyBytes(wanted)) }, parts.random),
      onObject: async (object) => {
        await output.assertRoom(object.lengthBytes ?? 0);
        counter.restarted();
        parts.tell(startedEvent(wanted, object));
      },
      onBytes: (count) => counter.add(count),
      onRetry: (error, delayMs) => {
        const { code, message, retry } = error;
        parts.tell({ event: "retry", error: { code, message, retry }, delayMs });
      },
    }).run();
    const lastModified = factsOf(store)?.headers["last-modified"];
    return { lengthBytes: end.lengthBytes, digests: end.digests, lastModified };
  } finally {
    counter.stop();
    await store.flush().catch(() => undefined);
  }
}

/**
 * Before an origin has answered once, a name that is unknown or a port where nobody listens is most
 * likely a mistake of the one who typed it, and no reason to try for minutes; as wget has it.
 */
function failingFastAtFirst(origin: Origin): Origin {
  let hasAnswered = false;
  return {
    look: async (request, signal) => await origin.look(request, signal),
    async open(request, signal) {
      try {
        const answer = await origin.open(request, signal);
        hasAnswered = true;
        return answer;
      } catch (error) {
        const known = asDarnerError(error);
        const fatal =
          !hasAnswered && ["network.refused", "network.unknown-host", "network.unreachable"].includes(known.code);
        throw fatal ? new DarnerError(known.code, known.message, { cause: error }) : error;
      }
    },
  };
}

/** What an earlier run left counts only for the same object and the same part of it. */
async function openStore(parts: AloneParts, wanted: Wanted, output: AloneOutput): Promise<PieceFile> {
  const options = {
    content: output.content,
    journal: output.journal,
    boot: parts.boot,
    clock: parts.clock,
    spaceAhead: true,
  };
  const store = await PieceFile.open(options);
  if (store.object === undefined || isSameObject(store, wanted)) return store;
  // What it has to write of the old object must not come after.
  await store.flush().catch(() => undefined);
  await output.journal.truncate(0);
  return await PieceFile.open(options);
}

function isSameObject(store: PieceFile, wanted: Wanted): boolean {
  const { object } = store;
  if (object === undefined) return false;
  const recorded = canonicalUrl(object.url, wanted.filterQuery);
  const sameUrl = recorded === canonicalUrl(concealUrl(wanted.url), wanted.filterQuery);
  const window = object.notes?.["window"] as Wanted["range"];
  return sameUrl && window?.start === wanted.range?.start && window?.end === wanted.range?.end;
}

const factsOf = (store: PieceFile): ResponseFacts | undefined =>
  store.object?.notes?.["facts"] as ResponseFacts | undefined;

/**
 * All pieces are there, but the last run did not come to an end: one question to the origin tells
 * whether they are still its object. A partial download needs none, since its ranges ask If-Range.
 */
async function askWhetherStillTrue(
  parts: AloneParts,
  wanted: Wanted,
  store: PieceFile,
): Promise<BodyAnswer | undefined> {
  const validator = store.object?.validator;
  const isWhole = store.lengthBytes !== undefined && store.have.full;
  if (!isWhole || validator === undefined || wanted.range !== undefined) return undefined;
  const unless = validator.startsWith('"') ? { etag: validator } : { lastModified: validator };
  const answer = await parts.origin.open({ url: wanted.url, headers: wanted.headers, unless }, parts.signal);
  if (answer.kind === "not-modified") return undefined;
  if (strongValidator(answer.facts) !== validator) return answer;
  answer.body.close();
  return undefined;
}

function startedEvent(wanted: Wanted, object: { lengthBytes?: number; pieceBytes: number }): DownloadEvent {
  const { lengthBytes, pieceBytes } = object;
  const length = lengthBytes === undefined ? {} : { lengthBytes };
  return { event: "started", id: "alone", url: wanted.name, ...length, pieceBytes };
}

/** Counts what comes and tells it several times a second. */
class ByteCounter {
  readonly #parts: AloneParts;
  readonly #store: PieceFile;
  #local: number;
  #origin = 0;
  #timer: Timer | undefined;

  constructor(parts: AloneParts, store: PieceFile, resumes: boolean) {
    this.#parts = parts;
    this.#store = store;
    // Without a strong validator nothing held can be joined to what comes.
    this.#local = resumes && store.object?.validator !== undefined ? store.heldBytes : 0;
    this.#tick();
  }

  started(wanted: Wanted): void {
    const { object } = this.#store;
    if (object !== undefined && this.#local > 0) this.#parts.tell(startedEvent(wanted, object));
  }

  restarted(): void {
    this.#local = 0;
    this.#origin = 0;
  }

  add(count: number): void {
    this.#origin += count;
  }

  stop(): void {
    this.#timer?.cancel();
    this.#tell();
  }

  #tick(): void {
    this.#timer = this.#parts.clock.after(
      this.#parts.progressEveryMs,
      () => {
        this.#tell();
        this.#tick();
      },
      { background: true },
    );
  }

  #tell(): void {
    const { lengthBytes } = this.#store;
    const bytes = { origin: this.#origin, peers: 0, local: this.#local };
    this.#parts.tell({ event: "progress", bytes, ...(lengthBytes === undefined ? {} : { lengthBytes }) });
  }
}

/** `-c` on a file that has no journal: whether the origin's object is as long. Throws what the origin says. */
export async function lengthAtOrigin(
  parts: Pick<AloneParts, "origin" | "signal">,
  wanted: Wanted,
): Promise<number | undefined> {
  const answer = await parts.origin.open({ url: wanted.url, headers: wanted.headers }, parts.signal);
  if (answer.kind !== "body")
    throw new DarnerError(
      "origin.protocol",
      `cannot check ${wanted.name}: it answered "not modified" to a plain request`,
    );
  answer.body.close();
  const { lengthBytes } = answer;
  if (lengthBytes === undefined || wanted.range === undefined) return lengthBytes;
  return Math.max(0, Math.min(wanted.range.end ?? lengthBytes, lengthBytes) - wanted.range.start);
}
